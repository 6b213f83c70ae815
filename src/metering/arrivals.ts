/** The arrival at which nothing is paid or owed: function entry and exit, loops, calls, whatever can see the counter. */
export const BARRIER = 0;

/**
 * Where a line leads that ends in `unreachable`. It is not charged: what an invocation consumed that traps is known up to
 * such a line anyway, and then nothing has to be paid on the way to it.
 */
export const TRAP = -1;
