// Import this before the toolkit: it probes the browser with a style element of its own, and takes
// the page's nonce for it from here. Without, the content security policy refuses and reports it.
const nonce = document.querySelector<HTMLScriptElement>('script[nonce]')?.nonce ?? '';
const meta = document.createElement('meta');
meta.setAttribute('property', 'csp-nonce');
meta.content = nonce;
document.head.append(meta);
