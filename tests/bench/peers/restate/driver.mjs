// Restate: its server and one service on loopback, asked over HTTP. Prints one line of JSON.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";

// Node 20 lacks it, and the SDK needs it.
Promise.withResolvers ??= function () {
  let resolve, reject;
  const promise = new Promise((a, b) => ([resolve, reject] = [a, b]));
  return { promise, resolve, reject };
};
process.env.RESTATE_LOGGING = "ERROR"; // by default it writes a line for each invocation
const restate = await import("@restatedev/restate-sdk");

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
const [SERVICE, INGRESS, ADMIN, NODE] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

const nothing = restate.service({
  name: "Nothing",
  handlers: {
    run: async () => 1,
    fan: async (ctx, width) => {
      const calls = Array.from({ length: width }, () => ctx.serviceClient({ name: "Nothing" }).run());
      await restate.RestatePromise.all(calls);
      return width;
    },
    steps: async (ctx, length) => {
      for (let i = 0; i < length; i++) await ctx.run(`step-${i}`, () => i);
      return length;
    },
  },
});

function post(port, path, body) {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, method: "POST", agent, headers: { "content-type": "application/json" } }, (answer) => {
      answer.resume();
      answer.on("end", () => (answer.statusCode < 300 ? resolve() : reject(new Error(`${path}: ${answer.statusCode}`))));
    });
    asked.on("error", reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function timed(action) {
  const begin = performance.now();
  await action();
  return performance.now() - begin;
}

async function untilReady(action) {
  for (let i = 0; ; i++) {
    try {
      return await action();
    } catch (error) {
      if (i > 600) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function measure() {
  const JOBS = 6000;
  let next = 0;
  const client = async () => {
    while (next++ < JOBS) await post(INGRESS, "/Nothing/run");
  };
  const took = await timed(() => Promise.all(Array.from({ length: 64 }, client)));
  const samples = [];
  for (let i = 0; i < 300; i++) samples.push(await timed(() => post(INGRESS, "/Nothing/run")));
  samples.sort((a, b) => a - b);
  return {
    jobs_per_s: (JOBS * 1000) / took,
    latency_ms: samples[150],
    fan_1000_s: (await timed(() => post(INGRESS, "/Nothing/fan", 1000))) / 1000,
    fan_10000_s: (await timed(() => post(INGRESS, "/Nothing/fan", 10000))) / 1000,
    step_ms: (await timed(() => post(INGRESS, "/Nothing/steps", 100))) / 100,
  };
}

const directory = mkdtempSync(`${tmpdir()}/exo-peer-restate.`);
const server = spawn("node_modules/.bin/restate-server", ["--base-dir", directory], {
  stdio: "ignore",
  env: { ...process.env, RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${INGRESS}`, RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${ADMIN}`, RESTATE_BIND_ADDRESS: `127.0.0.1:${NODE}`, RESTATE_LOG_FILTER: "error" },
});
let status = 1;
try {
  const service = restate.endpoint().bind(nothing);
  await service.listen(SERVICE);
  await untilReady(() => post(ADMIN, "/deployments", { uri: `http://127.0.0.1:${SERVICE}`, force: true }));
  await untilReady(() => post(INGRESS, "/Nothing/run"));
  console.log(JSON.stringify(await measure()));
  status = 0;
} catch (error) {
  console.error(`error: ${error.message}`); // process.exit below would leave it untold
} finally {
  server.kill("SIGTERM");
  rmSync(directory, { recursive: true, force: true });
  process.exit(status);
}
