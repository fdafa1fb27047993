/* libspf2 as a peer: see peers/spf.py for what each program takes and prints. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <arpa/nameser.h>
#include <spf2/spf.h>
#include <spf2/spf_dns_zone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define MAX_LINE 70000

static double cpu(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static ns_type type_of(const char *word)
{
    if (!strcmp(word, "TXT")) return ns_t_txt;
    if (!strcmp(word, "A")) return ns_t_a;
    if (!strcmp(word, "AAAA")) return ns_t_aaaa;
    if (!strcmp(word, "MX")) return ns_t_mx;
    return ns_t_ptr;
}

static void read_zone(const char *path, SPF_dns_server_t *zone)
{
    static char line[MAX_LINE];
    FILE *file = fopen(path, "r");
    if (!file) { perror(path); exit(2); }
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        char *name = strtok(line, " "), *type = strtok(NULL, " "), *data = strtok(NULL, "");
        if (SPF_dns_zone_add_str(zone, name, type_of(type), NETDB_SUCCESS, data)) exit(2);
    }
    fclose(file);
}

static SPF_result_t check(SPF_server_t *server, const char *ip, const char *helo, const char *sender)
{
    SPF_request_t *request = SPF_request_new(server);
    SPF_response_t *response = NULL;
    if (strchr(ip, ':')) SPF_request_set_ipv6_str(request, ip);
    else SPF_request_set_ipv4_str(request, ip);
    SPF_request_set_helo_dom(request, helo);
    SPF_request_set_env_from(request, sender);
    SPF_request_query_mailfrom(request, &response);
    SPF_result_t result = SPF_response_result(response);
    SPF_response_free(response);
    SPF_request_free(request);
    return result;
}

int main(int argc, char **argv)
{
    static char line[MAX_LINE];
    SPF_dns_server_t *zone = SPF_dns_zone_new(NULL, "zone", 0);
    read_zone(argv[1], zone);
    SPF_server_t *server = SPF_server_new_dns(zone, 0);
    while (fgets(line, sizeof line, stdin)) {
        char *ip = strtok(line, " \n"), *helo = strtok(NULL, " \n"), *sender = strtok(NULL, " \n");
        SPF_result_t result = check(server, ip, helo, sender);
        if (argc < 3) {
            puts(SPF_strresult(result));
            continue;
        }
        double begin = cpu();
        for (long turn = atol(argv[2]); turn > 0; turn--) check(server, ip, helo, sender);
        printf("%.9f\n", cpu() - begin);
    }
    return 0;
}
