-- Budgets: what may be spent in a period, and what happens when it is. They act through the lease alone.

-- Who last asked for a start, and with which key: what a budget of a person or a key is about.
alter table instance add column asked_by text, add column asked_key text;
update instance set asked_by = created_by;
alter table instance alter column asked_by set not null;

alter table job_run add column asked_key text,
  -- What the whole run may cost; null: no limit of its own.
  add column cost_limit_nanos numeric(38, 0) constraint job_run_cost_limit check (cost_limit_nanos > 0);

alter table allocation add column asked_by text, add column asked_key text,
  -- The name of the run that it is an attempt of.
  add column job text;
update allocation set asked_by = coalesce(
    (select created_by from instance where instance.id = allocation.subject),
    (select created_by from job_run where job_run.id = allocation.subject), ''),
  job = (select name from job_run where job_run.id = allocation.subject);
alter table allocation alter column asked_by set not null;

create table budget (
  id text constraint budget_pkey primary key,
  organization text not null constraint budget_organization references organization,
  name text not null,
  scope text not null constraint budget_scope check (scope in ('organization', 'project', 'person', 'key', 'job')),
  -- The id of the organization, project, person or API key; of a job the project that its runs are in.
  target text not null,
  -- The name of the job's runs.
  job text,
  period text not null constraint budget_period check (period in ('day', 'week', 'month', 'total')),
  limit_nanos numeric(38, 0) not null constraint budget_limit check (limit_nanos >= 0),
  action text not null constraint budget_action check (action in ('warn', 'refuse', 'stop')),
  created_by text not null,
  request_hash text not null,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  ended_at timestamptz,
  constraint budget_job check ((job is not null) = (scope = 'job'))
);
create unique index budget_name_unique on budget (organization, name) where ended_at is null;
