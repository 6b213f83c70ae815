/** Time-ordered identifiers: PostgreSQL 18's own under the name that Tasker's table defaults use. */
export const CREATE_UUID_FUNCTIONS = `
CREATE FUNCTION tasker.uuid_generate_v7() RETURNS uuid
  LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT uuidv7()';
`;
