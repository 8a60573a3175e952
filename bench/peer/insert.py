"""A batch as one statement: the rows the product stores of it, in the product's tables.

Left out is what the peer does not do: fingerprints, batch and items (idempotency), disposition history.
"""

TABLES = ("calls_agent", "calls_customer", "calls_call", "calls_recording")

# Sub-tenant and partner are the first ones of an otherwise empty database. The order of people is for
# requests side by side: who upserts the same rows in another order deadlocks.
INSERT = """
WITH item AS MATERIALIZED (
    SELECT * FROM JSON_TABLE(%s::jsonb, '$.data[*]' COLUMNS (
        call_id text PATH '$.call.id',
        recording_url text PATH '$.call.recording_url',
        started_at timestamptz PATH '$.call.start_time',
        ended_at timestamptz PATH '$.call.end_time',
        phone text PATH '$.call.contact_number',
        agent_id text PATH '$.agent.id',
        agent_name text PATH '$.agent.name',
        agent_email text PATH '$.agent.email',
        customer_id text PATH '$.customer.id',
        customer_name text PATH '$.customer.name',
        customer_email text PATH '$.customer.email',
        disposition text PATH '$.customer.disposition_status',
        callback_url text PATH '$.callback_url',
        metadata jsonb PATH '$.metadata',
        custom_fields jsonb PATH '$.custom_fields',
        industry text PATH '$.industry',
        purpose text PATH '$.function'
    ))
), agent AS (
    INSERT INTO calls_agent (sub_tenant_id, partner_id, external_id, name, email)
    SELECT DISTINCT ON (agent_id) 1, 1, agent_id, coalesce(agent_name, ''), coalesce(agent_email, '')
    FROM item ORDER BY agent_id
    ON CONFLICT (sub_tenant_id, partner_id, external_id)
        DO UPDATE SET name = excluded.name, email = excluded.email
    RETURNING id, external_id
), customer AS (
    INSERT INTO calls_customer (sub_tenant_id, partner_id, external_id, name, email, disposition)
    SELECT DISTINCT ON (customer_id) 1, 1, customer_id,
        coalesce(customer_name, ''), coalesce(customer_email, ''), coalesce(disposition, '')
    FROM item ORDER BY customer_id
    ON CONFLICT (sub_tenant_id, partner_id, external_id)
        DO UPDATE SET name = excluded.name, email = excluded.email, disposition = excluded.disposition
    RETURNING id, external_id
), call AS (
    INSERT INTO calls_call (
        source, sub_tenant_id, partner_id, external_id, started_at, ended_at, customer_phone, agent_id,
        customer_id, disposition, callback_url, metadata, custom_fields, extras
    )
    SELECT 'partner', 1, 1, call_id, started_at, ended_at, phone, agent.id,
        customer.id, coalesce(disposition, ''), coalesce(callback_url, ''), coalesce(metadata, '{}'),
        coalesce(custom_fields, '[]'), jsonb_build_object('industry', industry, 'function', purpose)
    FROM item
    JOIN agent ON agent.external_id = agent_id
    JOIN customer ON customer.external_id = customer_id
    RETURNING id, external_id
)
INSERT INTO calls_recording (call_id, sub_tenant_id, source_url, state, stage, run, lane, target)
SELECT call.id, 1, recording_url, 'due', 'fetching', 1, 'partner:1', split_part(recording_url, '/', 3)
FROM call JOIN item ON item.call_id = call.external_id
"""
