import { hash } from 'node:crypto';
import type { Outcome, OutcomeResult } from '../model/outcome.ts';
import type { Receipt } from '../model/receipt.ts';
import type { Usage } from '../model/usage.ts';
import type { Job, JobEnd } from './lanes/job.ts';
import { scannedResult } from './leak-scan.ts';
import { readOutput } from './output.ts';
import type { ResultMessage } from './protocol.ts';
import { readCheckpoint, readWait } from './request.ts';

/** Puts together what the worker reported and what the broker itself counted. */
export function outcomeOf(job: Job, end: JobEnd): Outcome {
  const result = scannedResult('reported' in end ? resultOf(job, end.reported) : end.verdict, job.authority);
  const usage = usageOf(job, end, result);
  return Object.freeze({ ...result, usage, receipt: receiptOf(job, end, result, usage) });
}

/** untrusted: the worker's report. What a guest wrote is checked here whatever the worker checked before. */
function resultOf(job: Job, reported: ResultMessage): OutcomeResult {
  const { result } = reported;
  const { limits, grants } = job.authority;
  switch (result.kind) {
    case 'returned':
      return readOutput(result.output, limits);
    case 'checkpoint':
      return readCheckpoint(result.request);
    case 'wait':
      return readWait(result.request, grants);
    default:
      return result;
  }
}

function usageOf(job: Job, end: JobEnd, result: OutcomeResult): Usage {
  const reported = 'reported' in end ? end.reported : null;
  const wallMs = 'reported' in end ? end.reported.wallMs : end.wallMs;
  const startedAtMs = 'reported' in end ? end.startedAtMs : job.queuedAtMs;
  return Object.freeze({
    fuel: reported?.fuel ?? 0,
    fuelExact: reported?.fuelExact ?? false,
    peakMemoryBytes: reported?.peakMemoryBytes ?? 0,
    hostCalls: job.calls.length,
    logLines: reported?.logs.length ?? 0,
    inputBytes: job.input.byteLength,
    outputBytes: result.kind === 'completed' ? Buffer.byteLength(result.output) : 0,
    queuedMs: Math.max(0, round(startedAtMs - job.queuedAtMs)),
    wallMs: round(wallMs),
  });
}

const NO_CALLS: Receipt['host_calls'] = Object.freeze([]);

function receiptOf(job: Job, end: JobEnd, result: OutcomeResult, usage: Usage): Receipt {
  const { artifact, authority } = job;
  const digests = 'reported' in end ? end.reported.digests : null;
  const manifest = artifact.manifest;
  return Object.freeze({
    abi: artifact.abi,
    handler: manifest === null ? null : `${manifest.name}@${manifest.version}`,
    digest: artifact.digest,
    cost_table_hash: artifact.costTableHash,
    limits: authority.limits,
    grants: authority.grants,
    fuel: usage.fuel,
    fuel_exact: usage.fuelExact,
    peak_memory_bytes: usage.peakMemoryBytes,
    host_calls: job.calls.length === 0 ? NO_CALLS : Object.freeze([...job.calls]),
    denials: job.calls.filter((call) => !call.allowed).length,
    seed: job.seed === null ? null : Buffer.from(job.seed).toString('hex'),
    log_lines: usage.logLines,
    input_sha256: sha256Of(job.input, digests?.input),
    output_sha256: result.kind === 'completed' ? sha256Of(result.output, digests?.output) : null,
    tier: job.tier,
    usage: job.tier === 'process' ? 'reported' : 'measured',
    outcome: result.kind,
    queued_ms: usage.queuedMs,
    wall_ms: usage.wallMs,
  });
}

/** In hexadecimal; `known` when the lane had time to make it. */
function sha256Of(document: string | Uint8Array, known: Uint8Array | undefined): string {
  if (known === undefined) return hash('sha256', document);
  return Buffer.from(known.buffer, known.byteOffset, known.byteLength).toString('hex');
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
