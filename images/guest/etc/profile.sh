# Programs that the person installed with pip come first; Debian's /etc/profile has just set PATH without them.
PATH="$HOME/.local/bin:$PATH"
