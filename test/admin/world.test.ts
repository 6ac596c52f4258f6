/** The map of the dashboard: countries lie where they are, on land or beside it. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { height, land, placeOf, width } from '../../src/dashboard/world.ts';

suite('the map of the world', () => {
  test('is one grid, and has every country that a database of addresses tells', () => {
    assert.deepEqual([width, height], [100, 37]);
    assert.ok(placeOf.size > 220);
    for (const [country, { x, y }] of placeOf) {
      assert.match(country, /^[A-Z]{2}$/);
      assert.ok(x >= 0 && x <= width && y >= -1 && y <= height + 12, country);
    }
  });

  test('has countries of a continent beside each other, and large ones on land', () => {
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
