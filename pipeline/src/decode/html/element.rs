//! What an element does to the text around and within it.

/// A kind of element, by its effect on text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Runs on in its line.
    Inline,
    /// Stands on lines of its own.
    Block,
    /// `<p>`: a block whose end tag may be missing.
    Paragraph,
    /// `<li>`, the same within its list.
    ListItem,
    /// `<dt>` and `<dd>`, the same within their list.
    Term,
    /// `<option>`, the same within its list.
    Choice,
    /// `<table>`.
    Table,
    /// `<tr>`, whose end tag may be missing.
    Row,
    /// `<td>` and `<th>`, the same.
    Cell,
    /// `<br>`.
    Break,
    /// A block whose white space counts.
    Preformatted,
    /// `<title>`.
    Title,
    /// Never rendered: its text is hidden.
    Template,
    /// Holds no text of the page.
    Dropped,
}

impl Kind {
    /// The kind of the element with this name in lower case.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "p" => Self::Paragraph,
            "li" => Self::ListItem,
            "dt" | "dd" => Self::Term,
            "option" | "optgroup" => Self::Choice,
            "table" => Self::Table,
            "tr" => Self::Row,
            "td" | "th" => Self::Cell,
            "br" => Self::Break,
            "pre" | "textarea" | "listing" | "plaintext" | "xmp" => Self::Preformatted,
            "title" => Self::Title,
            "template" => Self::Template,
            // Rendered by programs or replaced by other content: what they hold is code or a fallback.
            "script" | "style" | "noscript" | "iframe" | "noembed" | "noframes" | "object" | "audio" | "video" | "canvas"
            | "svg" | "datalist" => Self::Dropped,
            "address" | "article" | "aside" | "blockquote" | "body" | "caption" | "center" | "details" | "dialog" | "dir"
            | "div" | "dl" | "fieldset" | "figcaption" | "figure" | "footer" | "form" | "frameset" | "h1" | "h2" | "h3"
            | "h4" | "h5" | "h6" | "head" | "header" | "hgroup" | "hr" | "html" | "legend" | "main" | "menu" | "nav" | "ol"
            | "search" | "section" | "select" | "summary" | "tbody" | "tfoot" | "thead" | "ul" => Self::Block,
            _ => Self::Inline,
        }
    }

    /// Whether it begins and ends a line.
    pub(super) fn is_block(self) -> bool {
        !matches!(self, Self::Inline | Self::Cell | Self::Break | Self::Title | Self::Template | Self::Dropped)
    }

    /// Whether the start tag of `next` ends an open element of this kind although its end tag is missing.
    pub(super) fn ends_before(self, next: Self) -> bool {
        match self {
            Self::Paragraph => next.is_block() && next != Self::Choice,
            Self::ListItem | Self::Term | Self::Choice => next == self,
            Self::Cell => matches!(next, Self::Cell | Self::Row),
            Self::Row => next == Self::Row,
            _ => false,
        }
    }

    /// Whether a missing end tag of an element around this one may be implied by `next`.
    pub(super) fn is_transparent_for(self, next: Self) -> bool {
        match self {
            Self::Inline | Self::Paragraph => true,
            // A cell or a row ends whatever is open within the cell before.
            Self::Table => false,
            _ => matches!(next, Self::Cell | Self::Row),
        }
    }
}
