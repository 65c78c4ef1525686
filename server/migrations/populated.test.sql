-- A row in every table, as a database had them that ended with 0004_run_names.sql: what later migrations must bring
-- along. A table that a later migration makes needs none here.

insert into organization (id, name, currency, created_at) values ('org_a', 'Acme', 'USD', '2026-11-01T00:00Z');
insert into project (id, organization, name, created_at) values ('prj_a', 'org_a', 'default', '2026-11-01T00:00Z');
insert into person (id, identity_user, email, name, created_at)
  values ('per_a', 'usr_a', 'ada@example.org', 'Ada', '2026-11-01T00:00Z');
insert into member (organization, person, role, created_at) values ('org_a', 'per_a', 'owner', '2026-11-01T00:00Z');
insert into api_key (id, organization, project, person, name, hash, hint, actions, created_at)
  values ('key_a', 'org_a', 'prj_a', 'per_a', 'ci', 'hash', 'gph_a', '{read}', '2026-11-01T00:00Z');
insert into ssh_key (id, person, name, public_key, fingerprint, created_at)
  values ('ssh_a', 'per_a', 'laptop', 'ssh-ed25519 AAAA', 'SHA256:a', '2026-11-01T00:00Z');
insert into audit (id, at, organization, actor, action, target, request_id)
  values ('aud_a', '2026-11-01T00:00Z', 'org_a', 'per_a', 'instance.create', 'ins_a', 'req_a');
insert into idempotency_key (principal, key, request_hash, response, created_at)
  values ('per_a', 'once', 'hash', '{}', '2026-11-01T00:00Z');

insert into journal (organization, floor) values ('org_a', '2026-11-01T00:00Z');
insert into journal_head (resource, organization, seq, hash, recorded_at, due_since, accrues)
  values ('alo_a', 'org_a', 1, 'hash', '2026-11-01T00:00Z', '2026-11-01T00:00Z', true);
insert into usage_event (resource, seq, type, at, recorded_at, data, prev_hash, hash)
  values ('alo_a', 1, 'allocated', '2026-11-01T00:00Z', '2026-11-01T00:00Z', '{}', '', 'hash');
insert into spell (allocation, from_at, to_at)
  values ('alo_a', '2026-11-01T00:00Z', '2026-11-01T01:00Z'), ('alo_a', '2026-11-01T02:00Z', null);

insert into image (id, title, description, publisher, licences, created_at)
  values ('base', '{}', '{}', 'gpuhour', '{}', '2026-11-01T00:00Z');
insert into image_version (id, image, version, digest, recipe, needs, size_bytes, offered_at)
  values ('imv_a', 'base', '1', 'sha256:a', 'recipe', '{}', 500000000, '2026-11-01T00:00Z');
insert into image_build (id, image, version, recipe, state, requested_at)
  values ('bld_a', 'base', '1', 'recipe', 'done', '2026-11-01T00:00Z');
insert into proof (id, image, version, digest, name, ok, duration_ms, detail, at)
  values ('prf_a', 'base', '1', 'sha256:a', 'packages', true, 900, '{}', '2026-11-01T00:00Z');
insert into flavor (id, cpus, memory_gib, disk_gib, lines) values ('cpu.1x2', 1, 2, 10, '[]');

insert into price_book (id, currency, effective_from, published_at, hash)
  values ('pbk_a', 'USD', '2026-11-01T00:00Z', '2026-11-01T00:00Z', 'hash');
insert into rate (price_book, sku, unit, nanos) values ('pbk_a', 'cpu', 'vcpu-hour', 40000000);
insert into ledger_account (id, owner, code, currency, limit_rule, credits_posted, debits_pending, created_at)
  values ('acc_a', 'org_a', 'customer', 'USD', 'debits_must_not_exceed_credits', 9000, 1000, '2026-11-01T00:00Z'),
    ('acc_b', 'platform', 'promo_expense', 'USD', null, 0, 0, '2026-11-01T00:00Z'),
    ('acc_c', 'platform', 'revenue', 'USD', null, 0, 0, '2026-11-01T00:00Z');
insert into transfer (id, kind, debit, credit, amount, code, about, booked_at, recorded_at)
  values ('trf_a', 'post', 'acc_b', 'acc_a', 9000, 'grant', 'org_a', '2026-11-01T00:00Z', '2026-11-01T00:00Z'),
    ('trf_b', 'hold', 'acc_a', 'acc_c', 1000, 'hold', 'alo_a', '2026-11-01T00:00Z', '2026-11-01T00:00Z');

insert into node (id, driver, name, engine_id, boot_id, cpus, memory_gib, disk_gib, seen_at, registered_at)
  values ('nod_a', 'docker', 'here', 'engine', 'boot', 8, 32, 500, '2026-11-01T00:00Z', '2026-11-01T00:00Z');
insert into device (id, node, model, memory_mib, healthy) values ('GPU-a', 'nod_a', 'H100', 81920, true);
insert into placement_request (subject, organization, project, flavor, image, version, requested_at)
  values ('run_b', 'org_a', 'prj_a', 'cpu.1x2', 'base', '1', '2026-11-01T00:00Z');
insert into lease (id, organization, until) values ('lea_a', 'org_a', '2026-11-01T03:00Z');
insert into allocation (id, subject, organization, project, node, lease, flavor, cpus, memory_gib, disk_gib,
    image_version, price_book, lines, allocated_at)
  values ('alo_a', 'ins_a', 'org_a', 'prj_a', 'nod_a', 'lea_a', 'cpu.1x2', 1, 2, 10,
    'imv_a', 'pbk_a', '[]', '2026-11-01T00:00Z');
insert into allocation_device (allocation, device) values ('alo_a', 'GPU-a');

insert into volume (id, organization, project, name, size_gib, home_of, node, path, requested_at, created_at)
  values ('vol_a', 'org_a', 'prj_a', 'home', 10, 'ins_a', 'nod_a', '/pool/vol_a', '2026-11-01T00:00Z',
    '2026-11-01T00:00Z');
insert into instance (id, organization, project, name, image, version, flavor, home, created_by, request_hash,
    intent, state, allocation, ssh_host_key, ssh_host_public_key, created_at, changed_at)
  values ('ins_a', 'org_a', 'prj_a', 'lab', 'base', '1', 'cpu.1x2', 'vol_a', 'per_a', 'hash',
    'running', 'running', 'alo_a', 'key', 'key.pub', '2026-11-01T00:00Z', '2026-11-01T00:00Z');
insert into instance_event (subject, at, event, to_state, intent, actor)
  values ('ins_a', '2026-11-01T00:00Z', 'created', 'queued', 'running', 'per_a');
insert into anomaly (at, subject, event, state, detail)
  values ('2026-11-01T00:00Z', 'ins_a', 'ready', 'deleted', 'seen after its end');
insert into route (subject, port, allocation, host, target_port) values ('ins_a', 8888, 'alo_a', '10.0.0.2', 8888);
insert into door (allocation, jupyter_token, gateway_key, gateway_public_key)
  values ('alo_a', 'token', 'key', 'key.pub');
insert into door_code (hash, person, instance, port, expires_at)
  values ('code', 'per_a', 'ins_a', 8888, '2026-11-01T00:01Z');
insert into door_session (hash, person, instance, port, created_at, expires_at)
  values ('session', 'per_a', 'ins_a', 8888, '2026-11-01T00:00Z', '2026-11-02T00:00Z');
insert into gateway_key (name, private_key, public_key, created_at)
  values ('ssh_host', 'key', 'key.pub', '2026-11-01T00:00Z');
insert into job_run (id, organization, project, name, image, version, flavor, command, created_by, request_hash,
    intent, state, created_at, changed_at)
  values ('run_b', 'org_a', 'prj_a', 'train', 'base', '1', 'cpu.1x2', '["true"]', 'per_a', 'hash',
    'running', 'queued', '2026-11-01T00:00Z', '2026-11-01T00:00Z');

insert into charge (id, organization, resource, sku, price_book, seq, up_to, unit_millis_before, unit_millis, nanos,
    amount, recorded_at)
  values ('chg_a', 'org_a', 'alo_a', 'cpu', 'pbk_a', 1, '2026-11-01T01:00Z', 0, 3600000, 40000000, 40000000,
    '2026-11-01T01:00Z');
insert into boundary (organization, at) values ('org_a', '2026-11-01T00:00Z');

insert into identity."user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
  values ('usr_a', 'Ada', 'ada@example.org', true, '2026-11-01T00:00Z', '2026-11-01T00:00Z');
insert into identity.session (id, "expiresAt", token, "createdAt", "updatedAt", "userId")
  values ('ses_a', '2026-12-01T00:00Z', 'token', '2026-11-01T00:00Z', '2026-11-01T00:00Z', 'usr_a');
insert into identity.account (id, "accountId", "providerId", "userId", "createdAt", "updatedAt")
  values ('idn_a', 'usr_a', 'credential', 'usr_a', '2026-11-01T00:00Z', '2026-11-01T00:00Z');
insert into identity.verification (id, identifier, value, "expiresAt", "createdAt", "updatedAt")
  values ('ver_a', 'ada@example.org', 'x', '2026-11-01T00:10Z', '2026-11-01T00:00Z', '2026-11-01T00:00Z');
insert into identity."deviceCode" (id, "deviceCode", "userCode", "expiresAt", status)
  values ('dev_a', 'device', 'user', '2026-11-01T00:10Z', 'pending');
insert into identity.login_link (hash, person, created_at, expires_at)
  values ('link', 'per_a', '2026-11-01T00:00Z', '2026-11-01T00:10Z');
