/**
 * What the sandbox answers, by the words of SECURITY.md: a test compares this list with the table there and asks for an
 * attack on every row.
 */
export const THREATS = Object.freeze({
  exfiltration: "data sent to an attacker's endpoint",
  request: 'a request that becomes another one, or an answer that is larger than it looks',
  endless: 'endless loops, also in a start function',
  memory: 'memory bombs',
  depth: 'deep recursion',
  secrets: 'secrets read through results or logs',
  interference: "one step reading another's data",
  floods: 'floods of requests, logs or output',
  imports: 'a module reaching for the host',
  component: 'a component, or its names, becoming code of the host',
  pointers: 'pointers outside memory',
  module: 'malformed modules, and modules made to exhaust whoever reads them',
  'fan-out': 'denial of service by massive fan-out',
  forgery: 'forged outcomes, receipts and error codes',
  configuration: 'configuration that widens grants, reads what is not its own, or takes for ever to check',
  lane: 'a module that brings down its lane',
  escape: 'a guest that has taken over its worker',
} as const);

export type ThreatId = keyof typeof THREATS;
