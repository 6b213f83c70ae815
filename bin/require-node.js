// Node 26 comes with the package as an optional dependency; npm scripts and npx find it first.
const FLOOR = 26;

/** Ends the process with one line when this Node is too old. */
export function requireNode26() {
  if (Number(process.versions.node.split('.')[0]) >= FLOOR) return;
  console.error(
    `ERR_NODE_VERSION: Node ${FLOOR} or newer is needed, this is ${process.version}. It comes with the optional dependencies: ` +
      'run "npm ci" without --omit=optional, then use npm scripts or npx, or install Node 26.',
  );
  process.exit(1);
}
