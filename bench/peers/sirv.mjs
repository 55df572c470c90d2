// Peer: sirv with its defaults (files are listed once, at the start). Usage: sirv.mjs DIR.
import { createServer } from 'node:http';
import sirv from 'sirv';
import { announce, directory } from './announce.mjs';

announce(createServer(sirv(directory)));
