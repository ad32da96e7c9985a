// BullMQ on the Redis of argv[2], worker and client in one process. Prints one line of JSON.
import { FlowProducer, Queue, QueueEvents, Worker } from "bullmq";

const [host, port] = process.argv[2].split(":");
const connection = { host, port: Number(port) };
const JOBS = 20000;

// So many jobs in bulk, all done, with one concurrency.
async function throughput(concurrency) {
  const queue = new Queue(`bulk-${concurrency}`, { connection });
  let done = 0;
  let finish;
  const all = new Promise((resolve) => (finish = resolve));
  const worker = new Worker(queue.name, async () => 1, { connection, concurrency });
  worker.on("completed", () => ++done === JOBS && finish());
  await worker.waitUntilReady();
  const begin = performance.now();
  for (let i = 0; i < JOBS; i += 1000) {
    await queue.addBulk(Array.from({ length: 1000 }, (_, k) => ({ name: "job", data: { number: i + k } })));
  }
  await all;
  const rate = (JOBS * 1000) / (performance.now() - begin);
  await worker.close();
  await queue.close();
  return rate;
}

const rates = [];
for (const concurrency of [50, 200, 500]) rates.push(await throughput(concurrency));

const queue = new Queue("single", { connection });
const events = new QueueEvents("single", { connection });
const worker = new Worker("single", async () => 1, { connection, concurrency: 200 });
const flows = new FlowProducer({ connection });
await events.waitUntilReady();
await worker.waitUntilReady();

async function one() {
  const begin = performance.now();
  const job = await queue.add("job", {});
  await job.waitUntilFinished(events);
  return performance.now() - begin;
}

async function fan(width) {
  const begin = performance.now();
  const flow = await flows.add({
    name: "join",
    queueName: "single",
    data: {},
    children: Array.from({ length: width }, (_, number) => ({ name: "job", queueName: "single", data: { number } })),
  });
  await flow.job.waitUntilFinished(events);
  return (performance.now() - begin) / 1000;
}

const samples = [];
for (let i = 0; i < 320; i++) samples.push(await one());
samples.splice(0, 20);
samples.sort((a, b) => a - b);
const fan1000 = await fan(1000);
const fan10000 = await fan(10000);
const begin = performance.now();
for (let i = 0; i < 100; i++) await one();
const step = (performance.now() - begin) / 100;
console.log(JSON.stringify({ jobs_per_s: Math.max(...rates), latency_ms: samples[150], fan_1000_s: fan1000, fan_10000_s: fan10000, step_ms: step }));
process.exit(0);
