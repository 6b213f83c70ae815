/** Runs in a lane's thread: what its invocations share, and what they look like to it. */
import type { CallBroker } from '../abi/leaving-call.ts';
import type { GuestReport } from '../protocol.ts';
import type { CellStore } from './cell-store.ts';

/** A guest that is running or suspended. */
export interface RunningInvocation {
  /** Settles with what is reported; never rejects because of the guest. */
  readonly result: Promise<GuestReport> | GuestReport;
  /** Ends the guest at its next check; a suspended one has to be resumed for that. */
  cancel(): void;
}

/** Marks the moments at which guest code starts and stops running on this thread. */
export interface RunningMark {
  enter(slot: number): void;
  leave(): void;
}

/** What a lane's thread keeps for all its invocations. */
export interface Workplace {
  readonly cells: CellStore;
  readonly callBroker: CallBroker;
  readonly mark: RunningMark;
}
