import assert from 'node:assert/strict';

/** Deep equality in which numbers may differ by `tolerance`. */
export function close(actual: unknown, expected: unknown, tolerance = 1e-9, path = ''): void {
  if (typeof actual === 'number' && typeof expected === 'number') {
    const equal = actual === expected || Math.abs(actual - expected) <= tolerance;
    assert.ok(equal, `${path || 'value'}: ${actual} is not ${expected}`);
  } else if (isList(actual) && isList(expected)) {
    assert.equal(actual.length, expected.length, `${path}: length`);
    actual.forEach((one, i) => close(one, expected[i], tolerance, `${path}[${i}]`));
  } else if (isRecord(actual) && isRecord(expected)) {
    assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort(), path);
    for (const key of Object.keys(actual)) {
      close(actual[key], expected[key], tolerance, `${path}.${key}`);
    }
  } else {
    assert.deepEqual(actual, expected, path);
  }
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
