#!/usr/bin/env perl
# Perl's Protocol::WebSocket as a draft-76 server, for one client at a time, on a free port.
# Prints NAME|PORT, then serves until it is killed:
#
#   /echo                 each text comes back
#   /greeting             `welcome`, sent in one write with the response; then as /echo
#   /closing              a text comes back, and FF 00 behind it; then waits for the client's
#   /closings             how many of those waits have ended with FF 00
#   /subprotocol          as /echo, with the subprotocol that was asked for, which the library names by
#                         itself when it is told to
#   /other-subprotocol    as /echo, with another one
#   /wrong-..., /draft-75, /rfc-6455
#                         the library is given another request than the one that came
#
# The library makes no connections: what is in this file is the socket, and those faults.
use strict;
use warnings;

use IO::Socket::INET ();
use Protocol::WebSocket ();
use Protocol::WebSocket::Handshake::Server ();

use constant { TIMEOUT => 10, CLOSING => "\xff\x00" };

# What is done to the request before the library sees it.
my %altered = (
    '/wrong-origin'   => sub { $_[0] =~ s{^Origin: .*}{Origin: http://elsewhere.example\r}m },
    '/wrong-location' => sub { $_[0] =~ s{^Host: .*}{Host: elsewhere.example\r}m },
    '/wrong-response' => sub { $_[0] =~ s{.\z}{'!' ^ $&}se },
    '/draft-75'       => sub { without_keys($_[0], '') },
    '/rfc-6455'       => sub {
        without_keys($_[0], "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n");
    },
);

$SIG{PIPE} = 'IGNORE';
STDOUT->autoflush(1);

my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16, ReuseAddr => 1)
    or die "cannot listen: $@\n";
printf "Protocol::WebSocket %s|%s\n", Protocol::WebSocket->VERSION, $listener->sockport;

my $closings = 0;
while (1) {
    my $socket = $listener->accept or next;
    local $SIG{ALRM} = sub { die "nothing happened for ${\TIMEOUT} s\n" };
    eval { serve($socket); 1 } or print STDERR "perl_server: $@";
    alarm 0;
    close $socket;
}

sub serve {
    my ($socket) = @_;
    my ($handshake, $resource) = handshake($socket) or return;
    my $frame = $handshake->build_frame(max_payload_size => 0, max_fragments_amount => 0);
    write_all($socket, text($handshake, $closings)) if $resource eq '/closings';

    my $closing = 0;    # FF 00 was sent
    while (defined(my $chunk = read_some($socket))) {
        $frame->append($chunk);
        my $out = '';
        while (defined(my $bytes = $frame->next_bytes)) {
            if ($frame->is_close) {
                write_all($socket, $out . ($closing ? '' : CLOSING));
                $closings++ if $closing;
                return;
            }
            next if $closing;
            $out .= text($handshake, $bytes);
            next if $resource ne '/closing';
            $out .= $handshake->build_frame(type => 'close')->to_bytes;
            $closing = 1;
        }
        write_all($socket, $out);
    }
}

# The opening handshake; nothing if there is none.
sub handshake {
    my ($socket) = @_;
    my $request = '';
    until ($request =~ /\r\n\r\n/) { $request .= read_some($socket) // return }
    my ($resource) = $request =~ m{\AGET (/[^ ?]*)} or die "a strange request: $request\n";
    if (my $alter = $altered{$resource}) {
        until ($request =~ /\r\n\r\n.{8}/s) { $request .= read_some($socket) // return }
        $alter->($request);
    }
    my $handshake = Protocol::WebSocket::Handshake::Server->new;
    my $head_sent = 0;
    while (1) {
        $handshake->parse($request) or die 'the library says: ' . $handshake->error . "\n";
        my $subprotocol = $handshake->req->subprotocol;
        $handshake->res->subprotocol($subprotocol) if $resource eq '/subprotocol';
        $handshake->res->subprotocol('other') if $resource eq '/other-subprotocol';
        last if $handshake->is_done;
        # Without key 3 the library gives the 101 head alone, and later what is missing.
        write_all($socket, $handshake->to_string) unless $head_sent++;
        $request = read_some($socket) // return;
    }
    my $greeting = $resource eq '/greeting' ? text($handshake, 'welcome') : '';
    write_all($socket, $handshake->to_string . $greeting);
    return ($handshake, $resource);
}

sub without_keys { # request, the fields instead of them
    $_[0] =~ s{^Sec-WebSocket-Key\d: .*\n}{}mg;
    $_[0] =~ s{\r\n\r\n.{8}\z}{\r\n$_[1]\r\n}s;
}

sub text {
    my ($handshake, $bytes) = @_;
    return $handshake->build_frame(buffer => $bytes, max_payload_size => 0)->to_bytes;
}

sub read_some {
    my ($socket) = @_;
    alarm TIMEOUT;
    my $len = sysread($socket, my $chunk, 1 << 16) // die "read: $!\n";
    return $len ? $chunk : undef;
}

sub write_all {
    my ($socket, $out) = @_;
    alarm TIMEOUT;
    while (length $out) {
        my $len = syswrite($socket, $out) // die "write: $!\n";
        substr $out, 0, $len, '';
    }
}
