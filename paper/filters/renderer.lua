-- Says which program made the page: fills []{.rendered-by}. Quarto sets the global `quarto`, plain pandoc does not.
function Span(span)
  if not span.classes:includes("rendered-by") then
    return nil
  end
  if quarto then
    return pandoc.Str("Quarto " .. tostring(pandoc.types.Version(quarto.version)))
  end
  return pandoc.Str("pandoc " .. tostring(PANDOC_VERSION) .. " and Typst, without Quarto")
end
