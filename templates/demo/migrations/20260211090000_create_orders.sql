-- migrate:up
create type order_status as enum ('open', 'paid', 'shipped', 'cancelled');

create table orders (
    id bigint generated always as identity primary key,
    user_id bigint not null references users (id) on delete cascade,
    status order_status not null default 'open',
    cents bigint not null check (cents >= 0),
    placed_at timestamptz not null default now()
);

create index orders_user_id on orders (user_id);

-- migrate:down
drop table orders;
drop type order_status;
