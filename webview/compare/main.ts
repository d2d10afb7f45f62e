import '../shared/l10n.ts';
import '../shared/zod.ts';
import './css/frame.css';
