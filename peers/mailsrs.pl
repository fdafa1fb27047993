# Mail::SRS as a peer: see peers/srs.py.
use strict;
use warnings;
use Mail::SRS;
use Time::HiRes qw(clock);

my ($file, $count) = @ARGV;
exit 0 if defined $count && $count eq "check";
open(my $in, "<", $file) or die "$file: $!";
my $secret = <$in>;
chomp $secret;
my $srs = Mail::SRS->new(Secret => $secret, MaxAge => 21, HashLength => 4, HashMin => 4);

if (!defined $count) {
    while (my $line = <STDIN>) {
        chomp $line;
        my ($what, @words) = split / /, $line;
        my $answer = eval { $what eq "forward" ? $srs->forward(@words) : $srs->reverse(@words) };
        my $fault = $@;
        $fault =~ s/\n.*//s;
        print defined $answer ? "$answer\n" : "!$fault\n";
    }
    exit 0;
}

my $begin = clock;
for (1 .. $count) {
    $srs->reverse($srs->forward('test@otherdomain.com', "example.com"));
}
print clock() - $begin, "\n";
