-- Signing in: better-auth's tables, by its own names, in a schema of their own, and our one-time links.
-- server/src/identity/sessions.test.ts compares them with what the installed better-auth expects.

create schema identity;

create table identity."user" (
  id text constraint user_pkey primary key,
  name text not null,
  email text not null constraint user_email_unique unique,
  "emailVerified" boolean not null,
  image text,
  "createdAt" timestamptz not null,
  "updatedAt" timestamptz not null
);

create table identity.session (
  id text constraint session_pkey primary key,
  "expiresAt" timestamptz not null,
  token text not null constraint session_token_unique unique,
  "createdAt" timestamptz not null,
  "updatedAt" timestamptz not null,
  "ipAddress" text,
  "userAgent" text,
  "userId" text not null constraint session_of_user references identity."user" on delete cascade
);
create index "session_userId_idx" on identity.session ("userId");

create table identity.account (
  id text constraint account_pkey primary key,
  "accountId" text not null,
  "providerId" text not null,
  "userId" text not null constraint account_of_user references identity."user" on delete cascade,
  "accessToken" text,
  "refreshToken" text,
  "idToken" text,
  "accessTokenExpiresAt" timestamptz,
  "refreshTokenExpiresAt" timestamptz,
  scope text,
  password text,
  "createdAt" timestamptz not null,
  "updatedAt" timestamptz not null
);
create index "account_userId_idx" on identity.account ("userId");

create table identity.verification (
  id text constraint verification_pkey primary key,
  identifier text not null,
  value text not null,
  "expiresAt" timestamptz not null,
  "createdAt" timestamptz not null,
  "updatedAt" timestamptz not null
);
create index "verification_identifier_idx" on identity.verification (identifier);

create table identity."deviceCode" (
  id text constraint device_code_pkey primary key,
  "deviceCode" text not null,
  "userCode" text not null,
  "userId" text,
  "expiresAt" timestamptz not null,
  status text not null,
  "lastPolledAt" timestamptz,
  "pollingInterval" integer,
  "clientId" text,
  scope text
);
create unique index "deviceCode_deviceCode_uidx" on identity."deviceCode" ("deviceCode");
create unique index "deviceCode_userCode_uidx" on identity."deviceCode" ("userCode");

-- A link that signs a person in once; its secret is kept as SHA-256 only.
create table identity.login_link (
  hash text constraint login_link_pkey primary key,
  person text not null constraint login_link_person references public.person,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
