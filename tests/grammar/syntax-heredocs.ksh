# Here-documents.
produce test <<-END
#            ^^^^^^ syntax/heredoc-dash: would strip tabs
	$(literal) `literal` }
END
produce test <<<hello
#            ^^^ syntax/input-redirect: `<<<`
produce test << 3
#            ^^ syntax/input-redirect: `<<` needs a tag
produce test <<A <<B
#                ^^^ syntax/second-heredoc: one here-document
1
A
2
B
<<END
#^^^^^ syntax/empty-stage: belongs to no command
}
END
#---
produce test <<END
#            ^^^^^ syntax/unclosed-heredoc: `END` is never closed
hello
  END
#---
produce test <<END | jq .
#            ^^^^^ syntax/unclosed-heredoc: `END` is never closed
