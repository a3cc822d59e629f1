"""The reception: takes a message in, decides, and sees that it is answered.

bot/          the only room that imports other rooms
  __main__.py   the command line            app.py        puts the house together
  settings.py   the environment, read once  office.py     who we are: names, keys, hours
  db.py         one call, one transaction   workers.py    the loops: listen, route, deliver, tick
  router.py     what to do with a message   tokens.py     signed tokens in links and mail addresses
  say.py texts/ all that the hotline says   conversations.py  what was asked, decided and sent
  audit.py      the append-only trail       web.py        the ASGI app, /health, /metrics
  replying.py   what a reply about a committee means
  simulation.py a season played ahead on a copy
  backup.py     all of it in one file       templates/ static/  the frame and the one style sheet
  library.py    the matcher at work         doors/        what each page asks of the desk
  gate.py       who may open the desk's pages  papers.py    what is printed (Typst)
  patience.py   how long to wait for more
  tables.py     every table, for Alembic    sheets.py workbook.py  tables of a spreadsheet
  desk/         every transaction: incoming, questions (giving, handing_on, keywords), outgoing, officer, members…
  commands/     one file a family of commands
  migrations/   the tables' history (Alembic)
channels/     how people reach us: contract, mailbox, directory, admission (heic, recordings), attachments,
              vault, drawers, spool; pages/ (people);
              one folder a channel: web, email, telegram, sms, whatsapp, terminal
knowledge/    what the hotline knows: entries, drafts, corrections, content/, seed, lint, differences; french, lexicon/,
              understanding, patterns/, matching, chances, none/ (what it must not answer); training, cells,
              learning, calibration, indexer, index/,
              measure, translations; semantic; general (a question made everybody's), themes (what to write next),
              reliability; pages/ (editing)
escalation/   questions that only a person can answer: tickets, officers, accounts, passwords, deadlines, closures,
              answering, partners, alike; console/ (the desk)
scheduler/    what must happen on a date: committees, agenda, plan, steps, preparation, attendance, repeats, ics, feeds,
              clock; pages/ (the calendar)
tests/        mirrors the rooms; test_stories.py tells the flows, test_house.py keeps the laws

Arrows: bot -> channels, knowledge, escalation, scheduler. No other between rooms.
"""
