-- What an operator decides about machines. One that comes back is looked at, and what does not belong there is
-- removed, before anything is placed on it.
alter table node drop constraint node_status;
alter table node add constraint node_status
  check (status in ('ready', 'returning', 'draining', 'fenced'));

-- A device that is drained is given to nobody until an operator says that it is well, whatever its driver says.
alter table device add column drained_at timestamptz;
alter table device add column drained_why text;
alter table device add constraint device_drained check ((drained_at is null) = (drained_why is null));

-- Who was on a machine, newest first.
create index allocation_node_at on allocation (node, allocated_at, id);
