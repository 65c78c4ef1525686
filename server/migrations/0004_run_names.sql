-- Runs are found by their names, however many there are.
create index job_run_project_name on job_run (project, name, id);
