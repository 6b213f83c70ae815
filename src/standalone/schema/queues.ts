/**
 * Sending with NOTIFY and reading one message (worker protocol §1.1, §1.3, §1.4): same names, arguments, channels and
 * payloads as Tasker's. Its two broken functions (§1.4) are not here.
 */
export const CREATE_QUEUE_FUNCTIONS = `
CREATE FUNCTION tasker.extract_queue_namespace(queue_name text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN queue_name ~ '^orchestration' THEN 'orchestration'
    WHEN queue_name ~ '^worker_.+_queue$' THEN substring(queue_name FROM '^worker_(.+?)_queue$')
    WHEN queue_name ~ '^[a-zA-Z][a-zA-Z0-9_]*_queue$' THEN substring(queue_name FROM '^(.*)_queue$')
    ELSE 'default'
  END
$$;

CREATE FUNCTION tasker.pgmq_payload_size_threshold() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 7000';

CREATE FUNCTION tasker.pgmq_send_with_notify(queue_name text, message jsonb, delay_seconds integer DEFAULT 0)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  sent_id bigint;
  namespace text := tasker.extract_queue_namespace(queue_name);
  envelope jsonb;
  payload text;
BEGIN
  SELECT sent INTO sent_id FROM pgmq.send(queue_name, message, delay_seconds) AS sent;
  envelope := jsonb_build_object('msg_id', sent_id, 'queue_name', queue_name, 'namespace', namespace,
    'ready_at', now());
  IF length(message::text) < tasker.pgmq_payload_size_threshold() THEN
    payload := (envelope || jsonb_build_object('event_type', 'message_with_payload', 'message', message,
      'delay_seconds', delay_seconds))::text;
  ELSE
    payload := (envelope || jsonb_build_object('event_type', 'message_ready', 'delay_seconds', delay_seconds,
      'payload_omitted', true))::text;
  END IF;
  IF length(payload) > 7800 THEN
    payload := (envelope || jsonb_build_object('event_type', 'message_ready', 'payload_omitted', true,
      'truncated', true))::text;
  END IF;
  PERFORM pg_notify('pgmq_message_ready.' || namespace, payload);
  PERFORM pg_notify('pgmq_message_ready', payload);
  RETURN sent_id;
END
$$;

CREATE FUNCTION tasker.pgmq_send_batch_with_notify(queue_name text, messages jsonb[], delay_seconds integer DEFAULT 0)
RETURNS SETOF bigint LANGUAGE plpgsql AS $$
DECLARE
  sent_ids bigint[];
  namespace text := tasker.extract_queue_namespace(queue_name);
  payload text;
BEGIN
  SELECT array_agg(sent) INTO sent_ids FROM pgmq.send_batch(queue_name, messages, delay_seconds) AS sent;
  payload := jsonb_build_object('event_type', 'batch_ready', 'msg_ids', sent_ids, 'queue_name', queue_name,
    'namespace', namespace, 'message_count', cardinality(sent_ids), 'ready_at', now(),
    'delay_seconds', delay_seconds)::text;
  IF length(payload) > 7800 THEN
    payload := left(payload, 7790) || '...}';
  END IF;
  PERFORM pg_notify('pgmq_message_ready.' || namespace, payload);
  PERFORM pg_notify('pgmq_message_ready', payload);
  RETURN QUERY SELECT unnest(sent_ids);
END
$$;

CREATE FUNCTION tasker.pgmq_read_specific_message(
  queue_name text, target_msg_id bigint, vt_seconds integer DEFAULT 30)
RETURNS TABLE (msg_id bigint, read_ct integer, enqueued_at timestamptz, vt timestamptz, message jsonb)
LANGUAGE plpgsql AS $$
BEGIN
  IF queue_name ~ '[^a-zA-Z0-9_]' THEN
    RAISE EXCEPTION 'Invalid queue name: %', queue_name;
  END IF;
  IF to_regclass('pgmq.q_' || queue_name) IS NULL THEN
    RAISE EXCEPTION 'Queue does not exist: %', queue_name;
  END IF;
  RETURN QUERY EXECUTE format(
    'UPDATE pgmq.%I AS q SET vt = clock_timestamp() + make_interval(secs => $2), read_ct = q.read_ct + 1
      WHERE q.msg_id = $1 AND q.vt <= clock_timestamp()
      RETURNING q.msg_id, q.read_ct, q.enqueued_at, q.vt, q.message', 'q_' || lower(queue_name))
    USING target_msg_id, vt_seconds;
END
$$;

CREATE FUNCTION tasker.pgmq_notify_queue_created() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('pgmq_queue_created', json_build_object('event_type', 'queue_created',
    'queue_name', NEW.queue_name, 'namespace', tasker.extract_queue_namespace(NEW.queue_name),
    'created_at', now())::text);
  RETURN NEW;
END
$$;
CREATE TRIGGER pgmq_queue_created_trigger AFTER INSERT ON pgmq.meta
  FOR EACH ROW EXECUTE FUNCTION tasker.pgmq_notify_queue_created();

SELECT pgmq.create(queue) FROM unnest(ARRAY['orchestration_step_results', 'orchestration_task_requests',
  'orchestration_task_finalizations', 'worker_orchestration_queue']) AS queue;
`;
