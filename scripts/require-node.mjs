import { requireNode26 } from '../bin/require-node.js';

requireNode26();
