-- Fills a fresh catalog with :titles finished films of two hours, five streams each. What is not
-- looked at by a listing (segments, the file) is left out.

CREATE TEMP TABLE words (place INTEGER PRIMARY KEY, word TEXT NOT NULL);
INSERT INTO words (word) VALUES
    ('summer'), ('winter'), ('autumn'), ('spring'), ('sunday'), ('birthday'), ('holiday'),
    ('wedding'), ('garden'), ('mountain'), ('river'), ('harbour'), ('island'), ('forest'),
    ('castle'), ('bridge'), ('street'), ('market'), ('kitchen'), ('workshop'), ('concert'),
    ('rehearsal'), ('lecture'), ('interview'), ('journey'), ('return'), ('departure'),
    ('arrival'), ('grandma'), ('grandpa'), ('children'), ('neighbours'), ('café'), ('Wölfe'),
    ('Zürich'), ('København'), ('München'), ('Kraków'), ('São'), ('Ålesund');

CREATE TEMP TABLE numbers (number INTEGER PRIMARY KEY);
WITH RECURSIVE counting (number) AS (
    SELECT 1 UNION ALL SELECT number + 1 FROM counting WHERE number < :titles)
INSERT INTO numbers SELECT number FROM counting;

INSERT INTO titles (
    serial, id, name, description, visibility, added_at_ms, state, generation, place,
    source_path, source_path_text, identity_size_bytes, identity_hash,
    stamp_device, stamp_inode, stamp_size_bytes, stamp_modified_ns)
SELECT
    number, printf('01%024d', number),
    first.word || ' ' || second.word || ' ' || number,
    CASE number % 4 WHEN 0 THEN 'With ' || third.word || ' and ' || fourth.word || '.' END,
    CASE number % 10 WHEN 0 THEN 'members' ELSE 'everyone' END,
    1700000000000 + number * 1000, 'ready', 1, 'local',
    CAST('/srv/films/' || number || '.mkv' AS BLOB), '/srv/films/' || number || '.mkv',
    5000000000 + number, printf('%064x', number), 1, number, 5000000000 + number, number
FROM numbers
JOIN words AS first ON first.place = number * 7919 % 40 + 1
JOIN words AS second ON second.place = number * 104729 / 40 % 40 + 1
JOIN words AS third ON third.place = number * 15485863 / 7 % 40 + 1
JOIN words AS fourth ON fourth.place = number * 32452843 / 11 % 40 + 1;

INSERT INTO jobs (
    id, title_serial, state, priority, attempts, run_after_ms, step, done_ticks, total_ticks,
    speed, created_at_ms, started_at_ms, finished_at_ms)
SELECT
    printf('02%024d', number), number, 'done', 0, 0, 1700000000000, 'finished', 648000000,
    648000000, 4.0, 1700000000000 + number, 1700000000000 + number, 1700000000000 + number
FROM numbers;

-- Only the newest have plans of their full length: sixty of them are a page, and a hundred
-- thousand would be twenty gigabytes that nothing here reads.
INSERT INTO plans (
    title_serial, generation, version, video_streams, audio_streams, segment_count, summary,
    parts, plan)
SELECT
    number, 1, 1, 4, 1, 1800,
    json_object(
        'end', 648000000, 'segment_count', 1800,
        'display', json('{"width":1920,"height":1080}'),
        'rungs', json('[{"size":{"width":640,"height":360},"average_bps":800000,"peak_bps":1400000},
            {"size":{"width":854,"height":480},"average_bps":1400000,"peak_bps":2400000},
            {"size":{"width":1280,"height":720},"average_bps":2800000,"peak_bps":4800000},
            {"size":{"width":1920,"height":1080},"average_bps":5000000,"peak_bps":8600000}]'),
        'audio', json('[{"language":"eng","name":null,"channels":2,"default":true}]'),
        'notes', json('[]')),
    '[]',
    CASE WHEN number > :titles - 200 THEN json_quote(hex(zeroblob(100000))) ELSE '{}' END
FROM numbers;

INSERT INTO pieces (title_serial, generation, stream, number, size_bytes, sha256)
SELECT number, 1, -1, 0, 40000, zeroblob(32) FROM numbers;

INSERT INTO stream_totals (title_serial, generation, stream, segments, size_bytes, ranges)
SELECT number, 1, stream.value, 1800, 1000000000, '[[1,1800]]'
FROM numbers, json_each('[0,1,2,3,4]') AS stream;

INSERT INTO arrivals (
    path, id, path_text, door, state, size_bytes, first_seen_at_ms, changed_at_ms, title_serial,
    private, dismissed)
SELECT
    source_path, printf('03%024d', serial), source_path_text, 'folder', 'admitted',
    identity_size_bytes, added_at_ms, added_at_ms, serial, 0, 0
FROM titles;
