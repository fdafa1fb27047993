#!/usr/bin/perl
# Mail::DKIM as a peer: see peers/__init__.py for what each program takes and prints.
use strict;
use warnings;
use Mail::DKIM::PrivateKey;
use Mail::DKIM::PublicKey;
use Mail::DKIM::Signature;
use Mail::DKIM::Signer;
use Mail::DKIM::Verifier;
use Time::HiRes qw(clock);

my ($what, $message, $key, $count, $header, $body, $algorithm) = @ARGV;

sub slurp {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!";
    local $/;
    return scalar <$file>;
}

my $octets = slurp($message);
my ($result, $field) = ('none', '');
my $record = slurp($key);
if ($what eq 'verify') {
    no warnings 'redefine';
    my $public = Mail::DKIM::PublicKey->parse($record);
    *Mail::DKIM::Signature::fetch_public_key = sub { };
    *Mail::DKIM::Signature::get_public_key   = sub { return $public };
}
my $private =
    $what eq 'sign' ? Mail::DKIM::PrivateKey->load(File => $key) : undef;
my $begin = clock;
for (1 .. $count) {
    my $dkim =
        $what eq 'verify'
        ? Mail::DKIM::Verifier->new
        : Mail::DKIM::Signer->new(
        Algorithm => $algorithm,
        Method    => "$header/$body",
        Domain    => 'example.com',
        Selector  => 'x',
        Key       => $private,
        );
    $dkim->PRINT($octets);
    $dkim->CLOSE;
    $result = $what eq 'verify' ? $dkim->result : 'pass';
    $field = $dkim->signature->as_string if $what eq 'sign';
}
printf "%s %.9f\n", $result, clock() - $begin;
print $field;
