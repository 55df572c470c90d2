// The newsroom's database: SQLite in memory, by node:sqlite where this Node has it, else by sql.js (WebAssembly, no
// compiler). One function is used of it: query(sql, parameters) gives rows as objects.

const topics = ['Harbour', 'Science', 'City', 'Culture'];
const headlines = [
  [
    'Harbour',
    'Containers now travel without being unpacked',
    'Freight moves from ship to train by its label alone. Nobody opens a box that only passes through.',
  ],
  [
    'Science',
    'The shortest copy is the one not made',
    'A laboratory measured how often a byte is moved between a disk and a reader. The answer used to be five.',
  ],
  [
    'City',
    'Tram line 9 runs without a change at last',
    'Passengers stay seated where they once climbed out, crossed a square and climbed in again.',
  ],
  [
    'Culture',
    'Library lends its map room, map by map',
    'The sheets stay in their drawers; readers are given the number of the drawer.',
  ],
  [
    'Harbour',
    'Lock keepers count what they lift',
    'Every ship that is raised is written down. The book is open to anyone who asks.',
  ],
  [
    'Science',
    'Small parcels travel together, study finds',
    'Below a certain size, wrapping one by one costs more than putting two in a box.',
  ],
  [
    'City',
    'Bridge opens before the last plank is laid',
    'Pedestrians cross the finished part while carpenters work ahead of them.',
  ],
  [
    'Culture',
    'An orchestra that does not wait for the late oboe',
    'The strings begin; the oboe joins in its bar, or someone hums it.',
  ],
  [
    'Science',
    'Ring of buckets outruns the pipe',
    'Two crews, one circle of buckets, no shouting: a field test surprises engineers.',
  ],
  ['Harbour', 'Pilot boats get their own lane', 'Descriptors of cargo go ahead of the cargo, and arrive first.'],
];

const schema =
  'CREATE TABLE story (id INTEGER PRIMARY KEY, topic TEXT, title TEXT, teaser TEXT, minutes INTEGER, readers INTEGER)';

async function openNodeSqlite() {
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(':memory:');
  return {
    engine: 'node:sqlite',
    run: (sql, parameters = []) => database.prepare(sql).run(...parameters),
    query: (sql, parameters = []) => database.prepare(sql).all(...parameters),
  };
}

async function openSqlJs() {
  const { default: initialise } = await import('sql.js');
  const { Database } = await initialise();
  const database = new Database();
  return {
    engine: 'sql.js',
    run: (sql, parameters = []) => database.run(sql, parameters),
    query(sql, parameters = []) {
      const statement = database.prepare(sql);
      statement.bind(parameters);
      const rows = [];
      while (statement.step()) rows.push(statement.getAsObject());
      statement.free();
      return rows;
    },
  };
}

/** Opens the database and fills it. */
export async function openDatabase() {
  // Node 20 has no node:sqlite.
  const database = await openNodeSqlite().catch(openSqlJs);
  database.run(schema);
  headlines.forEach(([topic, title, teaser], index) => {
    const values = [index + 1, topic, title, teaser, 2 + ((index * 7) % 11), 9000 - index * 613];
    database.run('INSERT INTO story VALUES (?, ?, ?, ?, ?, ?)', values);
  });
  return { ...database, topics };
}
