import { builtIn } from './engines.ts';
import { launching } from './launching.ts';
import { steering } from './steering.ts';
import { survival } from './survival.ts';
import { trouble } from './trouble.ts';

steering(builtIn);
survival(builtIn);
trouble(builtIn);
launching(builtIn);
