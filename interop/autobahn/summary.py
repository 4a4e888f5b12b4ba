"""Reads the testsuite's report and judges it. For python 2.7 and 3.

The server takes text and refuses a binary message with the close code 1003, so the cases below,
which want a binary message back, cannot pass. They run all the same, and the refusal is asserted.
(3.5 and 3.6 send a binary frame too, with a reserved bit set. They want 1002, and get it.)
"""
from __future__ import print_function

import collections
import io
import json
import os
import sys


def cases(section, count):
    return ['%s.%d' % (section, number) for number in range(1, count + 1)]


REFUSED = (
    cases('1.2', 8)    # one binary message of 0 to 65536 bytes, whole or in chops
    + cases('9.2', 6)  # one binary message of 64 KiB to 16 MiB
    + cases('9.4', 9)  # a binary message of 4 MiB in frames of 64 bytes to 4 MiB
    + cases('9.6', 6)  # a binary message of 1 MiB in chops of 64 to 2048 bytes
    + cases('9.8', 6)  # round trips of 1000 binary messages of 0 to 16384 bytes
)
ALL = 301              # those of 1 to 7, 9 and 10 in the pinned version
GOOD = ('OK', 'INFORMATIONAL', 'NON-STRICT')
MOST_NON_STRICT = 2    # 6.4.3 and 6.4.4: invalid UTF-8 is found at the end of its frame


def load(*path):
    with io.open(os.path.join(*path), encoding='utf-8') as report:
        return json.load(report)


def refused(case):
    """Whether a binary message went out, and a close with 1003 was all that came back."""
    return ('2' in case['txFrameStats'] and case['rxFrameStats'] == {'8': 1}
            and case['remoteCloseCode'] == 1003 and case['wasClean'] and not case['closedByMe'])


def judge(name, case):
    """The verdict on a case, and whether it passes."""
    if name in REFUSED:
        return ('REFUSED', True) if refused(case) else ('NOT REFUSED', False)
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
        verdict, passes = judge(name, case)
        counts[verdict] += 1
        failed += not passes
        if not passes or verdict == 'NON-STRICT':
            print('%-11s %s: %s' % (verdict, name, ' '.join(case['description'].replace('<br>', ' ').split())))
            print('            %s; %s; closed with %s' % (
                case['result'], case['resultClose'], case['remoteCloseCode']))
    for verdict, count in counts.most_common():
        print('%4d %s' % (count, verdict))

    # What is wrong with the run as a whole.
    missing = [name for name in REFUSED if name not in index]
    complaints = []
    if len(index) != ALL or missing:
        complaints.append('%d cases ran, of %d; missing: %s' % (
            len(index), ALL, ' '.join(missing) or 'none of those refused'))
    if counts['NON-STRICT'] > MOST_NON_STRICT:
        complaints.append('more than %d NON-STRICT' % MOST_NON_STRICT)
    for complaint in complaints:
        print('FAIL ' + complaint)
    print('%d passed, %d failed' % (len(index) - failed, failed + len(complaints)))
    return 1 if failed or complaints else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
