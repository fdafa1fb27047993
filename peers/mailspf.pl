# Mail::SPF as a peer: it takes the port of a nameserver on 127.0.0.1, and else as peers/spf.py says.
use strict;
use warnings;
use Mail::SPF;
use Net::DNS::Resolver;

my ($port) = @ARGV;
exit 0 if $port eq "check";
my $resolver = Net::DNS::Resolver->new(
    nameservers => ["127.0.0.1"], port => $port, recurse => 1, retry => 1, udp_timeout => 3,
    defnames => 0, dnsrch => 0,
);
my $server = Mail::SPF::Server->new(dns_resolver => $resolver);
while (my $line = <STDIN>) {
    my ($ip, $helo, $sender) = split ' ', $line;
    my $request = eval {
        Mail::SPF::Request->new(
            versions => [1], scope => "mfrom", identity => $sender, ip_address => $ip,
            helo_identity => $helo,
        );
    };
    print $request ? $server->process($request)->code : "none", "\n";
}
