using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Ardir.Core;

/// <summary>A layer path with wildcards and an optional element: <c>encoder.*.attention[1]</c>.</summary>
internal sealed partial class LayerPattern
{
    private readonly Regex _path;

    public LayerPattern(string pattern)
    {
        if (string.IsNullOrWhiteSpace(pattern))
        {
            throw new ArgumentException(
                "A layer pattern is empty; expected a module path such as 'layer1' or a pattern such as 'layer*'.", nameof(pattern));
        }
        var element = ElementSuffix().Match(pattern);
        var path = element.Success ? pattern[..element.Index] : pattern;
        Suffix = element.Value;
        Element = element.Success ? int.Parse(element.Groups["element"].Value, CultureInfo.InvariantCulture) : 0;
        _path = new Regex(ToRegex(path), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
    }

    /// <summary>Index of the tensor to take from a layer that returns several.</summary>
    public int Element { get; }

    /// <summary><c>[i]</c> as written, which becomes part of the feature's name; empty without an element.</summary>
    public string Suffix { get; }

    public bool Matches(string path) => _path.IsMatch(path);

    /// <summary>Whether the pattern selects the feature of this name, which is a path with an optional <see cref="Suffix"/>.</summary>
    public bool MatchesFeature(string feature)
    {
        var element = ElementSuffix().Match(feature);
        return string.Equals(element.Value, Suffix, StringComparison.Ordinal)
            && Matches(element.Success ? feature[..element.Index] : feature);
    }

    private static string ToRegex(string path)
    {
        var regex = new StringBuilder("^");
        for (var i = 0; i < path.Length; i++)
        {
            if (path[i] == '*' && i + 1 < path.Length && path[i + 1] == '*')
            {
                i++;
                // A ** that is a whole part of the path may also match no part at all: a.**.b matches a.b.
                var whole = i + 1 < path.Length && path[i + 1] == '.' && (i == 1 || path[i - 2] == '.');
                if (whole) i++;
                regex.Append(whole ? @"(?:.*\.)?" : ".*");
            }
            else
            {
                regex.Append(path[i] switch { '*' => "[^.]*", '?' => "[^.]", var c => Regex.Escape(c.ToString()) });
            }
        }
        return regex.Append('$').ToString();
    }

    [GeneratedRegex(@"\[(?<element>[0-9]{1,6})\]$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex ElementSuffix();
}
