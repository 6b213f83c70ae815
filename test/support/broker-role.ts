/** The role of every broker in the tests. What it may do is granted in each test's database. */
export const BROKER_ROLE = 'wasm_broker_least';
