import io.camunda.zeebe.client.ZeebeClient;
import io.camunda.zeebe.client.api.worker.JobWorker;
import io.camunda.zeebe.model.bpmn.Bpmn;
import io.camunda.zeebe.model.bpmn.BpmnModelInstance;
import java.io.File;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

/** Zeebe: starts a broker of one partition with its gateway, worker and client in this JVM. Prints one line of JSON.
 *
 *  <pre>Driver DISTRIBUTION JAVA_HOME</pre> */
public class Driver {
  static final int SAMPLES = 300, LOOP_SECONDS = 10;
  static ZeebeClient client;

  static int freePort() throws Exception {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  /** The broker's log is flushed to disk, one replica; back-pressure off: it refuses most of what many clients send at once. */
  static Process startBroker(String distribution, String javaHome, Path data, int port) throws Exception {
    ProcessBuilder builder = new ProcessBuilder(distribution + "/bin/broker");
    builder.environment().putAll(Map.ofEntries(
        Map.entry("JAVA_HOME", javaHome), Map.entry("JAVA_OPTS", "-Xms512m -Xmx4g"), Map.entry("ZEEBE_LOG_LEVEL", "error"),
        Map.entry("ZEEBE_BROKER_DATA_DIRECTORY", data + "/data"), Map.entry("ZEEBE_BROKER_CLUSTER_PARTITIONSCOUNT", "1"),
        Map.entry("ZEEBE_BROKER_NETWORK_HOST", "127.0.0.1"), Map.entry("ZEEBE_BROKER_GATEWAY_NETWORK_HOST", "127.0.0.1"),
        Map.entry("ZEEBE_BROKER_GATEWAY_NETWORK_PORT", "" + port), Map.entry("SERVER_PORT", "" + freePort()),
        Map.entry("ZEEBE_BROKER_NETWORK_COMMANDAPI_PORT", "" + freePort()),
        Map.entry("ZEEBE_BROKER_NETWORK_INTERNALAPI_PORT", "" + freePort()),
        Map.entry("ZEEBE_BROKER_BACKPRESSURE_ENABLED", "false")));
    builder.redirectErrorStream(true).redirectOutput(new File(data + "/broker.log"));
    return builder.start();
  }

  static void awaitBroker(Process broker, Path data) throws Exception {
    for (int i = 0; ; i++) {
      try {
        if (client.newTopologyRequest().send().join().getBrokers().stream()
            .anyMatch(b -> b.getPartitions().stream().anyMatch(p -> p.isLeader()))) return;
      } catch (Exception notYet) {
        if (!broker.isAlive()) throw new IllegalStateException("error: the broker ended: " + lastLine(data));
      }
      if (i > 1200) throw new IllegalStateException("error: the broker does not answer: " + lastLine(data));
      Thread.sleep(100);
    }
  }

  static String lastLine(Path data) throws Exception {
    List<String> lines = Files.readAllLines(Path.of(data + "/broker.log"));
    return lines.isEmpty() ? "it said nothing" : lines.get(lines.size() - 1);
  }

  static CompletableFuture<?> start(String process, Map<String, Object> variables) {
    return client.newCreateInstanceCommand().bpmnProcessId(process).latestVersion().variables(variables).withResult()
        .fetchVariables(List.of()).requestTimeout(Duration.ofSeconds(150)).send().toCompletableFuture();
  }

  static double timed(String process, Map<String, Object> variables) {
    long begin = System.nanoTime();
    start(process, variables).join();
    return (System.nanoTime() - begin) / 1e9;
  }

  /** So many instances on their way at all times, each known to have ended. */
  static double rate(int atOnce) throws Exception {
    Semaphore room = new Semaphore(atOnce);
    AtomicLong done = new AtomicLong(), failed = new AtomicLong();
    long begin = System.nanoTime();
    while (System.nanoTime() - begin < LOOP_SECONDS * 1_000_000_000L) {
      room.acquire();
      start("job", Map.of()).whenComplete((result, error) -> {
        (error == null ? done : failed).incrementAndGet();
        room.release();
      });
    }
    room.acquire(atOnce);
    if (failed.get() > 0) throw new IllegalStateException("error: " + failed + " instances failed at " + atOnce + " at once");
    return done.get() * 1e9 / (System.nanoTime() - begin);
  }

  static BpmnModelInstance chain(String name, int length) {
    var builder = Bpmn.createExecutableProcess(name).startEvent().serviceTask("t0", task -> task.zeebeJobType("nothing"));
    for (int i = 1; i < length; i++) {
      String id = "t" + i;
      builder = builder.serviceTask(id, task -> task.zeebeJobType("nothing"));
    }
    return builder.endEvent().done();
  }

  /** A parallel multi-instance over a list, and one task after it. */
  static BpmnModelInstance fan() {
    return Bpmn.createExecutableProcess("fan").startEvent()
        .serviceTask("part", task -> task.zeebeJobType("nothing").multiInstance(
            each -> each.parallel().zeebeInputCollectionExpression("items").zeebeInputElement("item")))
        .serviceTask("join", task -> task.zeebeJobType("nothing")).endEvent().done();
  }

  static void measure() throws Exception {
    client.newDeployResourceCommand().addProcessModel(chain("job", 1), "job.bpmn")
        .addProcessModel(chain("chain", 100), "chain.bpmn").addProcessModel(fan(), "fan.bpmn").send().join();
    try (JobWorker worker = client.newWorker().jobType("nothing")
        .handler((jobs, job) -> jobs.newCompleteCommand(job.getKey()).send()).maxJobsActive(2000).streamEnabled(true)
        .pollInterval(Duration.ofMillis(20)).fetchVariables(List.of()).timeout(Duration.ofMinutes(3)).open()) {
      rate(100); // both JVMs are warm after that
      double best = Math.max(rate(100), rate(300));
      double[] latencies = IntStream.range(0, SAMPLES).mapToDouble(i -> timed("job", Map.of()) * 1e3).toArray();
      Arrays.sort(latencies);
      timed("chain", Map.of());
      double step = timed("chain", Map.of()) * 1e3 / 100;
      // 10,000 items: the broker loses its gateway before it is done. Left out.
      double fan = timed("fan", Map.of("items", IntStream.range(0, 1000).boxed().toList()));
      System.out.printf(Locale.ROOT, "{\"jobs_per_s\": %.1f, \"latency_ms\": %.3f, \"fan_1000_s\": %.3f, \"step_ms\": %.3f}%n", best,
          latencies[SAMPLES / 2], fan, step);
    }
  }

  public static void main(String[] words) throws Exception {
    Path data = Files.createTempDirectory("exo-peer-zeebe.");
    int port = freePort();
    Process broker = startBroker(words[0], words[1], data, port);
    Runtime.getRuntime().addShutdownHook(new Thread(broker::destroyForcibly));
    client = ZeebeClient.newClientBuilder().gatewayAddress("127.0.0.1:" + port).usePlaintext().numJobWorkerExecutionThreads(1)
        .defaultRequestTimeout(Duration.ofSeconds(150)).build();
    int status = 0;
    try {
      awaitBroker(broker, data);
      measure();
    } catch (Exception error) {
      System.err.println(error.getMessage());
      status = 1;
    } finally {
      broker.destroyForcibly().waitFor();
      try (var files = Files.walk(data)) {
        files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
      }
    }
    System.exit(status);
  }
}
