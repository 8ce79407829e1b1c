"""`python -m trio_chat`."""

import sys

from trio_chat.cli import main

sys.exit(main())
