"""The testsuite's wstest, from the folder `packages` beside this file. For python 2.7."""
import os
import site
import sys

# Its namespace packages (zope) need more than PYTHONPATH does.
site.addsitedir(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'packages'))

from autobahntestsuite.wstest import run  # noqa: E402

sys.exit(run())
