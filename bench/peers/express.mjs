// Peer: express.static with its defaults. Usage: express.mjs DIR.
import { createServer } from 'node:http';
import express from 'express';
import { announce, directory } from './announce.mjs';

announce(createServer(express().use(express.static(directory))));
