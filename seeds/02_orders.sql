insert into orders (user_id, status, cents, placed_at)
select users.id, orders.status::order_status, orders.cents, timestamptz '2026-05-01 09:00+00' + orders.day * interval '1 day'
from users
join (values
    ('ada', 'paid', 1250, 1),
    ('ada', 'open', 4990, 9),
    ('grace', 'shipped', 890, 3),
    ('zoë', 'paid', 2300, 4),
    ('linus', 'cancelled', 150, 5)
) as orders (username, status, cents, day) using (username);
