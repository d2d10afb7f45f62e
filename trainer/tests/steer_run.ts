/**
 * Steers a served run with the extension's own client, as a list of things to do says:
 *
 *     node steer_run.ts URL TOKEN MIRROR '[["pause",{}],["until","run_paused"],["complete",{…}]]'
 *
 * Prints what each came to, as a JSON list, when the engine has ended.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import OpenAI from 'openai';
import { RunClient } from '../../src/run/client.ts';

const [url = '', token = '', mirror = '', todo = '[]'] = process.argv.slice(2);
const client = new RunClient({ url, token, mirror });
while (client.state.kind !== 'connected') {
  if (client.state.kind === 'refused') throw new Error(client.state.message);
  await new Promise((resolve) => client.onDidChangeState(resolve));
}
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: token, maxRetries: 0 });

async function until(type: string, count: number): Promise<string> {
  for (;;) {
    const text = await readFile(join(mirror, 'events.jsonl'), 'utf8').catch(() => '');
    if (text.split(`"type":"${type}"`).length > count) return type;
    await sleep(20);
  }
}

const results: unknown[] = [];
for (const [what, args] of JSON.parse(todo)) {
  if (what === 'until') results.push(await until(args[0], args[1]));
  else if (what === 'complete') {
    results.push(await openai.completions.create(args).catch((error: Error) => error.message));
  } else if (what === 'post') {
    const [path, body] = args;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const asked = { method: 'POST', headers, body: JSON.stringify(body) };
    const response = await fetch(`${url}${path}`, asked);
    results.push({ status: response.status, body: await response.json() });
  } else results.push(await client.command(what, args));
}
await client.stopped;
process.stdout.write(JSON.stringify(results));
