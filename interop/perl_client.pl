#!/usr/bin/env perl
# Perl's Protocol::WebSocket as a draft-76 client. Its name for the protocol is draft-ietf-hybi-00.
#
#   perl_client.pl check ws://localhost:PORT        prints a line for each check
#   perl_client.pl relay ws://localhost:PORT/PATH   sends each line of its input as a text, prints
#                                                   each text that comes; ends with the input, or
#                                                   with the server's closing frame, else fails
#
# The library makes no connections: what is in this file is the socket, and what it leaves unchecked.
use strict;
use warnings;
use utf8;

use Encode ();
use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use IO::Socket::IP ();
use Protocol::WebSocket::Handshake::Client ();
use Time::HiRes qw(time);

use constant { VERSION => 'draft-ietf-hybi-00', TIMEOUT => 10, CLOSING => "\xff\x00" };

$SIG{PIPE} = 'IGNORE';
STDOUT->autoflush(1);

my ($mode, $url) = @ARGV;
die "usage: $0 check|relay URL\n" unless @ARGV == 2 && $mode =~ /\A(?:check|relay)\z/;
exit($mode eq 'check' ? check($url) : relay($url));

# ---- The checks.

my $failed;

sub check {
    my ($base) = @_;
    $failed = 0;

    report('opening handshake: the digest is right, the head is as expected', sub {
        my $client = open_client("$base/echo?a=b%20c");
        same($client->{head}, expected_head($base, '/echo?a=b%20c'), 'head');
    });
    report('opening handshake: the head comes before key 3 is sent', sub {
        my $client = open_client("$base/echo", wait_for_head => 1);
        same($client->{head}, expected_head($base, '/echo'), 'head');
    });
    report('opening handshake: 200 more, each with keys of its own', sub {
        for (1 .. 200) {
            my $client = open_client("$base/echo");
            echo($client, 'here');
        }
    });

    my $client;
    report('opening handshake: for all of the following', sub { $client = open_client("$base/echo") });
    my @texts = (
        ['ASCII',                     'hello'],
        ['Japanese',                  'こんにちは、世界'],
        ['emoji',                     '👋🏽 🎨 👩‍👩‍👧'],
        ['Latin-1',                   'é'],
        ['the empty string',          ''],
        ['a text of control bytes',   join '', map { chr } 0 .. 31, 127],
        ['100 KiB',                   'x' x (100 << 10)],
        ['100 KiB of three-byte text', '漢' x int((100 << 10) / 3)],
    );
    for my $case (@texts) {
        my ($what, $text) = @$case;
        report("echo: $what", sub { echo($client, $text) });
    }
    report('echo: 1,000 texts in one burst, in order', sub {
        echo($client, map { "text $_ of 1,000 ✓" } 1 .. 1000);
    });
    report('closing handshake: FF 00 is answered by FF 00 and the end of the stream', sub {
        close_client($client);
        same($client->{wire}, CLOSING, 'last bytes');
    });
    report('closing handshake: a text, FF 00 and more in one burst', sub {
        my $client = open_client("$base/echo");
        # What follows FF 00 is to be discarded; whether the text is still echoed is not settled.
        pump($client, frames($client, 'last') . CLOSING . frames($client, 'too late'), sub { $client->{eof} });
        $client->{wire} =~ /\A(?:\x00last\xff)?\xff\x00\z/
            or die 'the server sent ' . shown($client->{wire}) . "\n";
    });
    report('/broadcast: to all others, and not to its source', sub {
        my ($one, $two, $three) = map { open_client("$base/broadcast") } 1 .. 3;
        my @all = ($one, $two, $three);
        # Nothing tells a client that it is in the room: each is heard once by both others first.
        for my $source (@all) {
            my @others = grep { $_ != $source } @all;
            my $until = time + TIMEOUT;
            until (!grep { !@{ $_->{texts} } } @others) {
                die "nobody is heard\n" if time > $until;
                pump($source, frames($source, 'here'), sub { 1 });
                settle($_) for @others;
            }
            # Those that came more than once are all in front of this one.
            pump($source, frames($source, 'go'), sub { 1 });
            for my $other (@others) {
                pump($other, '', sub { grep { $_ eq 'go' } @{ $other->{texts} } });
                take($other);
            }
        }
        pump($two, frames($two, 'to one and three', 'ここまで'), sub { 1 });
        for my $other ($one, $three) {
            pump($other, '', sub { @{ $other->{texts} } >= 2 });
            same($other->{wire}, frames($other, 'to one and three', 'ここまで'), 'broadcast');
        }
        pump($one, frames($one, 'back'), sub { 1 });
        pump($two, '', sub { @{ $two->{texts} } });
        same($two->{wire}, frames($two, 'back'), 'what the source got');
        close_client($_) for @all;
    });
    return $failed ? 1 : 0;
}

# Sends texts in one write, and wants the same bytes back, which the library takes for the same texts.
sub echo {
    my ($client, @texts) = @_;
    $client or die "there is no connection\n";
    my $bytes = frames($client, @texts);
    same((take($client))[0], '', 'bytes that nothing asked for');
    pump($client, $bytes, sub { @{ $client->{texts} } >= @texts });
    my ($wire, $got) = take($client);
    same($wire, join('', map { "\x00" . Encode::encode('UTF-8', $_) . "\xff" } @texts), 'bytes');
    for my $i (0 .. $#texts) {
        $got->[$i] eq $texts[$i] or die 'text ' . ($i + 1) . ' came back as ' . shown($got->[$i]) . "\n";
    }
}

sub expected_head {
    my ($base, $resource) = @_;
    my ($host) = $base =~ m{\Aws://(.+)\z} or die "no such URL: $base\n";
    return join "\r\n", 'HTTP/1.1 101 WebSocket Protocol Handshake', 'Upgrade: WebSocket',
        'Connection: Upgrade', "Sec-WebSocket-Origin: http://$host",
        "Sec-WebSocket-Location: ws://$host$resource", '', '';
}

sub report {
    my ($what, $code) = @_;
    if (eval { $code->(); 1 }) {
        print "ok   draft-76, Perl: $what\n";
        return;
    }
    $failed += 1;
    chomp(my $why = $@);
    $why =~ s/\n/ /g;
    print Encode::encode('UTF-8', "FAIL draft-76, Perl: $what: $why\n");
}

sub same {
    my ($got, $expected, $what) = @_;
    $got eq $expected or die "$what: expected " . shown($expected) . ', got ' . shown($got) . "\n";
}

# Bytes for people: printable ASCII as it is, the rest in hex, the middle of something long left out.
sub shown {
    my ($bytes) = @_;
    my $cut = length $bytes > 200 ? substr($bytes, 0, 120) . ' ... ' . substr($bytes, -60) : $bytes;
    $cut =~ s/([^\x20-\x7e])/sprintf '<%02X>', ord $1/ge;
    return length($bytes) . " bytes \"$cut\"";
}

# ---- The relay.

sub relay {
    my ($url) = @_;
    my $client = open_client($url);
    my ($input, $input_open) = ('', 1);
    my $flush = sub {
        print Encode::encode('UTF-8', $_), "\n" for @{ (take($client))[1] };
    };
    print "open\n";
    until ($client->{closing}) {
        $flush->();
        my $readable = '';
        vec($readable, fileno $client->{socket}, 1) = 1;
        vec($readable, fileno STDIN, 1) = 1;
        select($readable, undef, undef, undef) > 0 or next;
        receive($client) if vec($readable, fileno $client->{socket}, 1);
        die "the server hung up without a closing frame\n" if $client->{eof} && !$client->{closing};
        next unless vec($readable, fileno STDIN, 1);
        my $n = sysread(STDIN, $input, 1 << 16, length $input) // die "standard input: $!\n";
        if ($n == 0) {
            $flush->();
            close_client($client);
            $flush->();
            return 0;
        }
        while ($input =~ s/\A(.*)\n//) {
            pump($client, frames($client, Encode::decode('UTF-8', $1)), sub { 1 });
        }
    }
    $flush->();
    # The server began the closing handshake: it is owed FF 00.
    pump($client, closing_frame($client), sub { $client->{eof} });
    return 0;
}

# ---- One connection: the library and a socket.

sub open_client {
    my ($url, %how) = @_;
    my ($host, $port) = $url =~ m{\Aws://([^/:]+):(\d+)} or die "no such URL: $url\n";
    my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Timeout => TIMEOUT)
        or die "cannot connect to $host:$port: $@\n";
    $socket->blocking(0);
    my $handshake = Protocol::WebSocket::Handshake::Client->new(url => $url, version => VERSION);
    my $client = {
        socket    => $socket,
        handshake => $handshake,
        # In 0.26 the sizes are for later protocols alone: a frame of this one is as long as it is.
        # 0 means no limit, should another version of the library think otherwise.
        frame   => $handshake->build_frame(max_payload_size => 0, max_fragments_amount => 0),
        wire    => '',    # all bytes since the handshake, or since they were taken
        texts   => [],
        closing => 0,     # FF 00 has come
        eof     => 0,
    };

    my $request = $handshake->to_string;
    my $key3 = $how{wait_for_head} ? substr($request, -8, 8, '') : '';
    write_all($client, $request);
    my $reply = '';
    until ($handshake->is_done) {
        # In small steps: `parse` refuses more than 20 KiB at once, and frames may be right behind.
        my $chunk = read_some($client, 512);
        die 'end of the stream after ' . shown($reply) . "\n" if $chunk eq '';
        $reply .= $chunk;
        # `parse` empties its argument, and puts back what follows the digest: the first frames.
        $handshake->parse($chunk) or die 'the library says: ' . $handshake->error . "\n";
        $client->{first} = $chunk;
        if ($key3 ne '' && $reply =~ /\r\n\r\n/) {
            $reply =~ /\r\n\r\n\z/ or die 'something before key 3 was sent: ' . shown($reply) . "\n";
            write_all($client, $key3);
            $key3 = '';
        }
    }
    my $frames = delete $client->{first};
    # The library has verified the digest; it looks at neither Upgrade, nor Location, nor Origin.
    $client->{head} = substr $reply, 0, length($reply) - length($frames) - 16;
    received($client, $frames);
    return $client;
}

# The closing handshake from this side, to the end of the stream.
sub close_client {
    my ($client) = @_;
    $client or die "there is no connection\n";
    pump($client, closing_frame($client), sub { $client->{eof} });
    $client->{closing} or die 'no closing frame but ' . shown($client->{wire}) . "\n";
}

# `type` must be given for FF 00: with `opcode => 8` the library writes a text frame in this protocol.
sub closing_frame {
    my ($client) = @_;
    my $bytes = $client->{handshake}->build_frame(type => 'close')->to_bytes;
    same($bytes, CLOSING, 'closing frame of the library');
    return $bytes;
}

# Texts are encoded here: the library encodes a string only if Perl happens to hold it with the UTF-8
# flag, which 'é' may or may not have, and would send the byte E9 otherwise.
sub frames {
    my ($client, @texts) = @_;
    return join '', map {
        $client->{handshake}->build_frame(buffer => Encode::encode('UTF-8', $_), max_payload_size => 0)
            ->to_bytes
    } @texts;
}

# Gives bytes to the library. It skips anything in front of a 00, so `wire` is compared as well.
sub received {
    my ($client, $bytes) = @_;
    my $frame = $client->{frame};
    $client->{wire} .= $bytes;
    $frame->append($bytes);    # empties its argument
    while (!$client->{closing} && defined(my $text = $frame->next)) {
        # A closing frame is '' as well: only its opcode, which is none of this protocol's, tells.
        if ($frame->is_close) { $client->{closing} = 1 }
        else                  { push @{ $client->{texts} }, $text }
    }
}

# What has come since this was last called: the bytes, and the texts in them.
sub take {
    my ($client) = @_;
    my @taken = ($client->{wire}, $client->{texts});
    @$client{qw(wire texts)} = ('', []);
    return @taken;
}

# Writes bytes and reads meanwhile, since the server reads no more of a client that does not, until
# all is written and the condition holds.
sub pump {
    my ($client, $out, $done) = @_;
    my $until = time + TIMEOUT;
    while (length $out || !$done->()) {
        my ($readable, $writable) = ready($client, $until, length $out);
        if ($writable) {
            my $n = syswrite $client->{socket}, $out;
            if    (defined $n)    { substr $out, 0, $n, '' }
            elsif (!try_again())  { die "write: $!\n" }
        }
        receive($client) if $readable;
        if ($client->{eof} && (length $out || !$done->())) {
            die 'end of the stream after ' . shown($client->{wire}) . "\n";
        }
    }
}

# Takes what is there, for a moment at most.
sub settle {
    my ($client) = @_;
    my $readable = '';
    vec($readable, fileno $client->{socket}, 1) = 1;
    receive($client) if select($readable, undef, undef, 0.05) > 0;
}

sub receive {
    my ($client) = @_;
    my $n = sysread($client->{socket}, my $chunk, 1 << 16);
    if (!defined $n) {
        die "read: $!\n" unless try_again();
    } elsif ($n == 0) {
        $client->{eof} = 1;
    } else {
        received($client, $chunk);
    }
}

sub write_all {
    my ($client, $out) = @_;
    my $until = time + TIMEOUT;
    while (length $out) {
        ready($client, $until, 1);
        my $n = syswrite $client->{socket}, $out;
        if    (defined $n)   { substr $out, 0, $n, '' }
        elsif (!try_again()) { die "write: $!\n" }
    }
}

sub read_some {
    my ($client, $len) = @_;
    my $until = time + TIMEOUT;
    while (1) {
        ready($client, $until, 0);
        my $n = sysread($client->{socket}, my $chunk, $len);
        return $chunk if defined $n;
        die "read: $!\n" unless try_again();
    }
}

# Waits until the socket can be read from or, when there is something to write, written to.
sub ready {
    my ($client, $until, $writing) = @_;
    my $fd = fileno $client->{socket};
    while ((my $left = $until - time) > 0) {
        my ($readable, $writable) = ('', '');
        vec($readable, $fd, 1) = 1;
        vec($writable, $fd, 1) = 1 if $writing;
        return (vec($readable, $fd, 1), vec($writable, $fd, 1))
            if select($readable, $writable, undef, $left) > 0;
    }
    die 'nothing happened for ' . TIMEOUT . ' s, so far: ' . shown($client->{wire}) . "\n";
}

sub try_again { $!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR} }
