def html_page(derived):
    return ""
