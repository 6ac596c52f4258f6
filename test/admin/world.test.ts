/** The map of the dashboard: countries are where they belong, on land or next to it. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { height, land, placeOf, width } from '../../src/dashboard/world.ts';

suite('the map of the world', () => {
  test('is a full grid, and has every country of an address database', () => {
    assert.deepEqual([width, height], [100, 37]);
    assert.ok(placeOf.size > 220);
    for (const [country, { x, y }] of placeOf) {
      assert.match(country, /^[A-Z]{2}$/);
      assert.ok(x >= 0 && x <= width && y >= -1 && y <= height + 12, country);
    }
  });

  test('has countries in the right order, and large ones on land', () => {
    const place = (country: string) => placeOf.get(country)!;
    assert.ok(
      place('JP').x > place('CN').x && place('CN').x > place('DE').x && place('DE').x > place('US').x,
    );
    assert.ok(
      place('NO').y < place('DE').y && place('DE').y < place('EG').y && place('EG').y < place('ZA').y,
    );
    for (const country of ['US', 'BR', 'CN', 'RU', 'AU', 'ZA', 'DE', 'IN', 'CA', 'DZ', 'FR', 'GB', 'NL']) {
      const { x, y } = place(country);
      assert.ok(
        land.some((dot) => Math.hypot(dot.x - x, dot.y - y) < 1),
        country,
      );
    }
  });
});
