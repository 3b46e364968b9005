insert into users (email, username) values
    ('ada@shop.example', 'ada'),
    ('grace@shop.example', 'grace'),
    ('zoë@shop.example', 'zoë'),
    ('linus@shop.example', 'linus');
