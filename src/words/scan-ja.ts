/** The Japanese texts of `sekisho scan` reports. */
import { commonInJapanese } from './common-ja.ts';
import { sayIn } from './say.ts';
import type { Family, ScanWords } from './scan-en.ts';

const { amount } = sayIn('ja');

const families: Readonly<Record<Family, string>> = {
  connect: 'CONNECT',
  url: 'よその URL',
  script: 'プロキシスクリプト向けの宛先',
  host: 'よその Host',
  socks: 'SOCKS の挨拶',
  mail: 'よその宛先のメール',
  telnet: 'telnet コマンド',
  tls: 'TLS ハンドシェイク',
  other: 'その他の探査',
};

export const scanInJapanese: ScanWords = {
  intents: commonInJapanese.intents,
  title: '過去のログに残る中継の探査',
  titleOf: (files) => `${files} に残る中継の探査`,
  outcomes: {
    'likely-relayed': '中継された疑い',
    attempted: '中継したが失敗',
    unclear: '不明',
    local: '自分のページで応答',
    refused: '拒否',
  },
  outcomeNames: {
    'likely-relayed': '中継の疑い',
    attempted: '中継失敗',
    unclear: '不明',
    local: '自ページ',
    refused: '拒否',
  },
  confidences: { high: '確度 高', medium: '確度 中', low: '確度 低' },
  family: (family, count) => `${families[family]} ${amount(count)} 件`,
  verdict: {
    noProbe: (requests) => `${amount(requests)} 件のリクエストのうち、中継の探査は 1 件もありません。`,
    relayed: (count) => `${amount(count)} 件の探査が中継された疑いがあります`,
    noneSeen: '中継に成功した形跡はありません',
    none: '中継は 1 件も成功していません',
    withParts: (opening, parts) => `${opening}。内訳: ${parts.join('、')}。`,
    all: (name, count, outcome) => (count === 1 ? `${name}（${outcome}）` : `${name}（すべて${outcome}）`),
    mixed: (name, parts) =>
      `${name}（${parts.map(({ count, outcome }) => `${outcome} ${amount(count)}`).join('、')}）`,
    doubt: (count) => `うち ${amount(count)} 件は、ログからは判断できません。`,
    tried: (count) =>
      `${amount(count)} 件は、わかる限りでは中継しようとして失敗しています。確かめてください。`,
    yours: (name, more) =>
      `${name}${more === 0 ? '' : ` ほか ${amount(more)} 件`} は自分の名前ですか。そうなら --host で教えてください。`,
    nothing: 'リクエストと呼べるものが 1 行も読めなかったため、判定できません。',
    proofs: (count) =>
      `ただし、エラーログの ${amount(count)} 行に、よそのサーバーへの接続が残っています。このサーバーはリクエストを中継しています。`,
  },
  own: {
    given: (hosts) => `自分の名前（指定）: ${hosts}`,
    assumed: '自分の名前とみなしたもの（--host NAME で指定すれば、推測はしません）:',
    unknown:
      'ログからは自分の名前がわからないため、どの名前もよそのものとみなしました。--host NAME で教えてください。',
    more: (count) => `ほか ${amount(count)} 件`,
    yours:
      '次は自分の名前ですか。見知らぬ相手のメールがそこへ送られたか、そこのページをここから返しています。そうなら --host NAME で教えてください:',
    times: (count) => `${amount(count)} 回`,
    absolute: (count) =>
      `自分の名前への absolute-form のリクエストが ${amount(count)} 件。規格どおり（RFC 9112 section 3.2.2）なので数えていません。`,
    clients: (count) =>
      `自分のネットワークのクライアントのためにプロキシが通したリクエストが ${amount(count)} 件。数えていません。`,
  },
  logs: {
    title: 'ログ',
    file: 'ファイル',
    format: '形式',
    lines: '行数',
    requests: 'リクエスト',
    broken: '読めない行',
    linesOf: () => '行   ',
    unknown: '未知の形式',
    empty: '空',
    brokenLines: (count) => `、読めない行 ${amount(count)}`,
    cut: (count) => `、打ち切り ${amount(count)}`,
    brokenLine: (line) => `読めない行: ${line}`,
  },
  byTechnique: '手口別',
  byOutcome: '結果別',
  byIntent: '狙い別',
  bySource: (count) => `送信元別（${amount(count)}）`,
  total: '計',
  byTime: '時間別',
  columns: (hours, most) => `時間別（1 列は ${amount(hours)} 時間、最高 ${amount(most)} 件）`,
  highest: (most) => `最高 ${amount(most)} 件`,
  all: '全体',
  relayed: '中継',
  overTime: '時間ごとの探査',
  lines: '確かめるべき行',
  change: '直すべき設定',
  problems: {
    relays: '中継をやめる',
    names: 'よその名前に自分のページを返さない',
    connect: 'スクリプトが応答する前に CONNECT を断る',
    mail: 'メールの中継は自分の利用者だけに許す',
  },
  notRead: '読めなかったもの',
  rehearsal: (blocked, banned) =>
    `予行: リクエスト ${amount(blocked)} 件を断り、クライアント ${amount(banned)} 件を BAN していたはずです。善良と思われるものから示します`,
  rehearsalColumns: ['クライアント', '普通', '拒否', '要確認', 'BAN 開始'],
};
