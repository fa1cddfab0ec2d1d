# fabric-threads.py [-v] KNOWN_HOSTS KEY ADDRESS...: fabric's ThreadingGroup, which gives every address a thread, runs `true`. Host
# keys are checked, and nobody's configuration or agent is asked. With -v paramiko says on stderr what it agreed on with a server.
import logging
import sys

import paramiko
from fabric import Config, Connection, ThreadingGroup

arguments = sys.argv[1:]
if arguments[0] == '-v':
    logging.basicConfig(level=logging.DEBUG)
    arguments = arguments[1:]
known_hosts, key, *addresses = arguments
keys = {'key_filename': key, 'allow_agent': False, 'look_for_keys': False}
connections = []
for address in addresses:
    connection = Connection(address, user='root', connect_kwargs=keys, config=Config(lazy=True))
    connection.client.load_host_keys(known_hosts)
    connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
    connections.append(connection)
group = ThreadingGroup.from_connections(connections)
results = group.run('true', hide=True)
if len(results) != len(addresses) or results.failed:
    sys.exit(f'expected {len(addresses)} nodes to answer: {results}')
group.close()
