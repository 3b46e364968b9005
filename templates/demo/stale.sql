-- What the demo's database looks like on that morning: made long ago, before `username` existed.
create table users (
    id bigint generated always as identity primary key,
    email text not null unique,
    created_at timestamptz not null default now()
);
insert into users (email) values ('someone@old.example');
