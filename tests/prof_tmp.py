import asyncio
from collections import defaultdict
from tests.bench.installation import *
from tests.ordeal import provider
if __name__ == "__main__":
  with opened("PostgreSQL", real_matcher=True) as town:
    async def m():
        async with town.open():
            await steadily(town, questions(500), 50)
            await flood(town, questions(500))
            await town.drained(200)
    asyncio.run(m())
    v=town.verdict(); print(v, v.disordered)
    def q(sql): return town.db.look(lambda s: s.connection().exec_driver_sql(sql).fetchall())
    for d in v.disordered:
        if d.startswith("read"):
            print(q(f"select id,state,text,claims from inbox where address_id={d.split()[1]}"), q(f"select id,decision,text from questions where address_id={d.split()[1]}"))
        else:
            calls=[c for c in provider.calls(town.orders) if c.to==d]; print(calls); 
            k=calls[0].key.split(":")[1]
            print(q(f"select id,key,name,state,attempts,doubts,claims,created_at,due_at,sent_at from outbox where key like 'inbox:{k}:%%'"))
