import { trl } from './engines.ts';
import { launching } from './launching.ts';
import { steering } from './steering.ts';
import { survival } from './survival.ts';
import { trouble } from './trouble.ts';

steering(trl);
survival(trl);
trouble(trl);
launching(trl);
