-- The doors: one-time codes and sessions of the HTTP door, and the key by which the SSH door is known.

-- A secret is kept as its SHA-256 only. A row goes when its code is used or has expired.
create table door_code (
  hash text constraint door_code_pkey primary key,
  person text not null constraint door_code_person references person,
  instance text not null constraint door_code_instance references instance,
  port integer not null constraint door_code_port check (port between 1 and 65535),
  expires_at timestamptz not null
);
create index door_code_expiry on door_code (expires_at);

-- A person's cookie on the host of one instance and port.
create table door_session (
  hash text constraint door_session_pkey primary key,
  person text not null constraint door_session_person references person,
  instance text not null constraint door_session_instance references instance,
  port integer not null constraint door_session_port check (port between 1 and 65535),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz
);
create index door_session_expiry on door_session (expires_at);
create index door_session_person on door_session (person);

-- Made once: every known_hosts file names it.
create table gateway_key (
  name text constraint gateway_key_pkey primary key constraint gateway_key_name check (name in ('ssh_host')),
  private_key text not null,
  public_key text not null,
  created_at timestamptz not null
);
