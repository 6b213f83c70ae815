/** What piscina can do at most: a task that does nothing. */
export default function emptyTask(): undefined {
  return undefined;
}
