"""The proxies that the environment sets."""

from urllib.request import getproxies, proxy_bypass


def proxy_for(scheme: str, authority: str) -> str:
    """The address of the proxy through which a host is reached; empty if it is asked directly.

    Args:
        authority: the host, with its port if that is not the usual one.
    """
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all") or ""
    if not proxy or proxy_bypass(authority):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"
