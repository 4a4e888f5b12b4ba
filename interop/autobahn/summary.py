"""Reads the testsuite's report and judges it. For python 2.7 and 3."""
from __future__ import print_function

import collections
import io
import json
import os
import sys


ALL = 301              # those of 1 to 7, 9 and 10 in the pinned version
GOOD = ('OK', 'INFORMATIONAL', 'NON-STRICT')
MOST_NON_STRICT = 2    # 6.4.3 and 6.4.4: invalid UTF-8 is found at the end of its frame


def load(*path):
    with io.open(os.path.join(*path), encoding='utf-8') as report:
        return json.load(report)


def judge(case):
    """The verdict on a case, and whether it passes."""
    for behavior in (case['behavior'], case['behaviorClose']):
        if behavior not in GOOD:
            return behavior, False
    return case['behavior'], True


def main(folder):
    index, = load(folder, 'index.json').values()
    counts = collections.Counter()
    failed = 0
    for name in sorted(index, key=lambda name: [int(part) for part in name.split('.')]):
        case = load(folder, index[name]['reportfile'])
        verdict, passes = judge(case)
        counts[verdict] += 1
        failed += not passes
        if not passes or verdict == 'NON-STRICT':
            print('%-11s %s: %s' % (verdict, name, ' '.join(case['description'].replace('<br>', ' ').split())))
            print('            %s; %s; closed with %s' % (
                case['result'], case['resultClose'], case['remoteCloseCode']))
    for verdict, count in counts.most_common():
        print('%4d %s' % (count, verdict))

    # What is wrong with the run as a whole.
    complaints = []
    if len(index) != ALL:
        complaints.append('%d cases ran, of %d' % (len(index), ALL))
    if counts['NON-STRICT'] > MOST_NON_STRICT:
        complaints.append('more than %d NON-STRICT' % MOST_NON_STRICT)
    for complaint in complaints:
        print('FAIL ' + complaint)
    print('%d passed, %d failed' % (len(index) - failed, failed + len(complaints)))
    return 1 if failed or complaints else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
